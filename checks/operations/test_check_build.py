"""scripts/check-build.sh on builds that are made of ELF headers."""

import pathlib
import platform
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "check-build.sh"
ARM64, X86_64, RISC_V = 183, 62, 243


def elf(machine, text=b"", bits=2):
    """A header up to e_machine, and the names that a real binary keeps as text."""
    header = b"\x7fELF" + bytes([bits, 1, 1]) + bytes(9) + (3).to_bytes(2, "little")
    return header + machine.to_bytes(2, "little") + bytes(44) + text


class CheckBuild(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.build = pathlib.Path(folder.name) / "a build"
        self.build.mkdir()
        (self.build / "template.yaml").write_text("Resources: {}\n")

    def function(self, name, content, mode=0o755):
        (self.build / name).mkdir()
        bootstrap = self.build / name / "bootstrap"
        bootstrap.write_bytes(content)
        bootstrap.chmod(mode)

    def check(self, *arguments):
        return subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, timeout=30)

    def accepts(self, architecture):
        done = self.check(architecture, self.build)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def rejects(self, architecture, *said):
        done = self.check(architecture, self.build)
        self.assertEqual(done.returncode, 1, done.stdout)
        for text in said:
            self.assertIn(text, done.stderr)
        return done.stderr

    def test_each_architecture_accepts_its_own_build(self):
        self.function("ListTasksFunction", elf(ARM64))
        self.function("HealthFunction", elf(ARM64))
        self.assertIn("all 2 functions run on arm64", self.accepts("arm64"))
        for name in "ListTasksFunction", "HealthFunction":
            (self.build / name / "bootstrap").write_bytes(elf(X86_64))
        self.assertIn("all 2 functions run on x86_64", self.accepts("x86_64"))

    def test_an_arm64_build_is_not_deployed_as_x86_64(self):
        self.function("ListTasksFunction", elf(ARM64))
        self.rejects("x86_64", "ListTasksFunction is built for arm64, but would be deployed as x86_64")

    def test_names_every_wrong_function_and_no_other(self):
        self.function("GetTaskFunction", elf(X86_64))
        self.function("HealthFunction", elf(ARM64))
        self.function("ListTasksFunction", elf(RISC_V))
        said = self.rejects(
            "arm64",
            "GetTaskFunction is built for x86_64",
            "ListTasksFunction is built for e_machine 0x00f3",
            "2 of 3 functions",
        )
        self.assertNotIn("HealthFunction", said)

    def test_only_64_bit_elf_binaries_pass(self):
        self.function("HealthFunction", b"#!/bin/sh\nexec server\n")
        self.rejects("arm64", "HealthFunction is no 64-bit ELF binary")
        (self.build / "HealthFunction" / "bootstrap").write_bytes(elf(ARM64, bits=1))
        self.rejects("arm64", "HealthFunction is no 64-bit ELF binary")
        (self.build / "HealthFunction" / "bootstrap").write_bytes(b"")
        self.rejects("arm64", "HealthFunction is no 64-bit ELF binary")

    def test_a_function_that_cannot_be_executed_is_rejected(self):
        self.function("HealthFunction", elf(ARM64), mode=0o644)
        self.rejects("arm64", "HealthFunction is not executable")

    def test_a_function_without_a_program_is_rejected(self):
        (self.build / "HealthFunction").mkdir()
        self.rejects("arm64", "HealthFunction has no bootstrap")

    def test_the_newest_glibc_that_is_needed_decides(self):
        self.function("HealthFunction", elf(ARM64, b"\0GLIBC_2.4\0GLIBC_2.34\0GLIBC_2.17\0GLIBC_2.2.5\0"))
        self.accepts("arm64")
        (self.build / "HealthFunction" / "bootstrap").write_bytes(elf(ARM64, b"\0GLIBC_2.35\0GLIBC_2.4\0"))
        self.rejects("arm64", "HealthFunction needs glibc 2.35, but provided.al2023 has 2.34")

    def test_an_empty_build_is_rejected(self):
        self.rejects("arm64", "has no functions; run sam build first")
        self.assertIn("no such folder", self.check("arm64", self.build / "none").stderr)

    def test_an_unknown_architecture_is_rejected(self):
        self.function("HealthFunction", elf(ARM64))
        self.rejects("aarch64", "ARCHITECTURE is aarch64; it must be arm64 or x86_64")
        self.assertIn("usage:", self.check().stderr)

    @unittest.skipUnless(sys.platform == "linux", "this Python is no ELF binary")
    def test_a_real_binary_is_read(self):
        self.function("HealthFunction", pathlib.Path(sys.executable).read_bytes())
        mine, other = ("arm64", "x86_64") if platform.machine() == "aarch64" else ("x86_64", "arm64")
        self.rejects(other, f"HealthFunction is built for {mine}")


if __name__ == "__main__":
    unittest.main()
