// Drives the API's page as a reader would.
import assert from "node:assert/strict";
import type { Locator, Page } from "playwright-core";

export type Reply = { status: string; body: string; headers: string };

/** Collects everything that goes wrong on a page, in the browser's words. */
export function problemsOf(page: Page): string[] {
  const problems: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("requestfailed", (request) => problems.push(`${request.url()}: ${request.failure()?.errorText}`));
  return problems;
}

/** Opens the page and waits for the operations. */
export async function openDocs(page: Page, api: string): Promise<void> {
  await page.goto(`${api}/docs`);
  await page.locator(".opblock").first().waitFor();
}

/** Opens an operation unless it is already open. */
export async function open(page: Page, method: string, path: string): Promise<Locator> {
  const summary = page.locator(`.opblock-summary-path[data-path="${path}"]`);
  const operation = page.locator(`.opblock-${method}`, { has: summary });
  if (!(await operation.locator("button.execute").isVisible())) {
    await operation.locator(".opblock-summary-control").click();
    await operation.locator("button.execute").waitFor();
    // Swagger UI fills the fields after it has resolved the references.
    await page.waitForTimeout(500);
  }
  return operation;
}

export async function close(operation: Locator): Promise<void> {
  await operation.locator(".opblock-summary-control").click();
  await operation.locator(".opblock-body").waitFor({ state: "detached" });
}

/** Fills in parameters (by name) and the body, executes, and reads what the page shows. */
export async function execute(operation: Locator, fields: Record<string, string> = {}): Promise<Reply> {
  for (const [name, value] of Object.entries(fields)) {
    const row = name === "body" ? ".opblock-section-request-body textarea" : `tr[data-param-name="${name}"] input`;
    const input = operation.locator(row);
    await input.fill(value);
    await input.blur();
    await operation.page().waitForTimeout(500);
    assert.equal(await input.inputValue(), value, `${name} keeps what was typed`);
  }
  const clear = operation.locator(".btn-clear");
  if (await clear.isVisible()) await clear.click();
  await operation.locator("button.execute").click();
  const reply = operation.locator(".live-responses-table tbody .response");
  await reply.locator(".response-col_status").waitFor();
  const text = async (selector: string) => (await reply.locator(selector).allInnerTexts()).join("\n");
  return {
    status: (await text(".response-col_status")).trim(),
    body: await text(".highlight-code code"),
    headers: (await text(".headerline")).replace(/^ +| +$/gm, ""),
  };
}

/** Opens "Authorize", runs an action there, and closes it. */
export async function authorize(page: Page, action: (dialog: Locator) => Promise<void>): Promise<void> {
  await page.locator(".auth-wrapper > .authorize").click();
  const dialog = page.locator(".dialog-ux");
  await action(dialog);
  await dialog.locator(".btn-done").click();
}
