// Tests the API's page in a browser, and calls to the API from pages of other origins.
// Run with `npm ci && npm run check:browser`, after `cargo build --workspace`. Needs
// Chromium (Debian's package `chromium`); CHROMIUM_PATH points to another one.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { repository, startApi, stopAll, tokenFor } from "../server.js";
import { startPage } from "./pages.js";
import { authorize, close, execute, open, openDocs, problemsOf } from "./swagger.js";

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const screenshots = `${repository}checks/browser/screenshots`;

/** Chromium's message for an error status. */
const refused = (status: number, name: string) =>
  `Failed to load resource: the server responded with a status of ${status} (${name})`;

async function loads(browser: Browser, api: string): Promise<void> {
  const page = await browser.newPage({ viewport: DESKTOP });
  const problems = problemsOf(page);
  const loaded: string[] = [];
  page.on("response", (response) => loaded.push(`${response.status()} ${response.url().replace(api, "")}`));
  const answer = page.waitForResponse(`${api}/docs`);
  await openDocs(page, api);
  const policy = (await answer).headers()["content-security-policy"] ?? "";
  assert.match(policy, /default-src 'none'; script-src 'self';/);
  assert.doesNotMatch(policy, /unsafe|http|\*/);
  const files = ["/docs", "/docs/page.css", "/docs/page.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/openapi.json"];
  assert.deepEqual(loaded.sort(), files.map((file) => `200 ${file}`));
  assert.deepEqual(problems, []);
  await page.close();
  console.log("ok: the page loads with a strict policy, and nothing from other origins");
}

async function usesTasks(page: Page): Promise<void> {
  const problems = problemsOf(page);
  const create = await open(page, "post", "/api/tasks");
  const created = await execute(create, { body: '{"title": "Äpfel pflücken"}' });
  assert.equal(created.status, "201", "the token is filled in, so there is no need to authorize");
  assert.match(created.headers, /^etag: "/m);
  const { id, user_id } = JSON.parse(created.body);
  assert.equal(user_id, "demo");
  assert.match(created.headers, new RegExp(`^location: /api/tasks/${id}$`, "m"));
  const second = await execute(create, { body: '{"title": "Birnen"}' });
  assert.equal(second.status, "201", "executed as it is, each request creates a task");
  assert.notEqual(JSON.parse(second.body).id, id, "executed as it is, each request creates a task");
  await close(create);

  const list = await open(page, "get", "/api/tasks");
  const titles = (body: string) => JSON.parse(body).map(({ title }: { title: string }) => title);
  const all = await execute(list);
  assert.equal(all.status, "200", "a list, executed as it is");
  assert.deepEqual(titles(all.body), ["Birnen", "Äpfel pflücken"]);
  const first = await execute(list, { limit: "1" });
  assert.deepEqual(titles(first.body), ["Birnen"]);
  assert.match(first.headers, /^link: <\/api\/tasks\?.*>; rel="next"/m);
  await close(list);

  const toggle = await open(page, "patch", "/api/tasks/{task_id}/complete");
  const toggled = await execute(toggle, { task_id: id });
  assert.deepEqual([toggled.status, JSON.parse(toggled.body).completed], ["200", true]);
  await close(toggle);

  const update = await open(page, "put", "/api/tasks/{task_id}");
  const updated = await execute(update, { task_id: id, body: '{"priority": "high"}' });
  assert.deepEqual([updated.status, JSON.parse(updated.body).priority], ["200", "high"]);
  await close(update);

  const read = await open(page, "get", "/api/tasks/{task_id}");
  assert.deepEqual((await execute(read, { task_id: id })).body, updated.body);
  const remove = await open(page, "delete", "/api/tasks/{task_id}");
  assert.equal((await execute(remove, { task_id: id })).status, "204");
  assert.deepEqual(problems, []);
  const gone = await execute(read);
  assert.deepEqual([gone.status.slice(0, 3), JSON.parse(gone.body).detail], ["404", "Task not found"]);
  assert.deepEqual(problems.splice(0), [refused(404, "Not Found")]);
  await close(read);
  await close(remove);
  console.log("ok: create, list, toggle, update, get and delete a task on the page");
}

async function authorizes(page: Page): Promise<void> {
  const problems = problemsOf(page);
  await authorize(page, (dialog) => dialog.getByText("Logout", { exact: true }).click());
  const list = await open(page, "get", "/api/tasks");
  const anonymous = await execute(list, { limit: "" });
  assert.equal(anonymous.status.slice(0, 3), "401");
  assert.match(anonymous.body, /Not authenticated: send Authorization: Bearer <token>/);
  assert.match(anonymous.headers, /^www-authenticate: Bearer/m);
  assert.deepEqual(problems.splice(0), [refused(401, "Unauthorized")]);

  await authorize(page, async (dialog) => {
    await dialog.getByRole("textbox").fill(tokenFor("alice"));
    await dialog.locator("button.authorize").click();
  });
  const { status, body } = await execute(list);
  assert.deepEqual([status, body], ["200", "[]"]);
  assert.deepEqual(problems, []);
  await close(list);
  console.log("ok: logged out it returns 401, and another user's token returns that user's list");
}

/** Opens and executes every operation that needs no input, and opens all schemas. */
async function needsNoInput(page: Page): Promise<void> {
  const problems = problemsOf(page);
  for (const path of ["/api/tasks", "/health", "/docs", "/docs/{file}", "/openapi.json"]) {
    const operation = await open(page, "get", path);
    assert.equal((await execute(operation)).status, "200", `GET ${path}, executed as it is`);
    await close(operation);
  }
  await page.locator("section.models button").first().click();
  for (const schema of await page.locator("section.models .json-schema-2020-12-accordion").all()) await schema.click();
  assert.deepEqual(problems, []);
  console.log("ok: operations without required input run as they are");
}

/** Asserts that nothing is wider than the screen. */
async function fits(page: Page, what: string): Promise<void> {
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= (page.viewportSize()?.width ?? 0), `${what}: ${width} pixels`);
}

async function isSeen(browser: Browser, api: string, name: string, viewport: typeof PHONE): Promise<void> {
  const page = await browser.newPage({ viewport });
  const shoot = (what: string) => page.screenshot({ path: `${screenshots}/${name}-${what}.png` });
  await openDocs(page, api);
  await shoot("page");
  await fits(page, "the page at rest");
  for (const operation of await page.locator(".opblock").all()) {
    await operation.locator(".opblock-summary-control").click();
    await operation.locator("button.execute").waitFor();
    await page.waitForTimeout(300);
    await fits(page, await operation.locator(".opblock-summary").innerText());
    await operation.locator(".opblock-summary-control").click();
  }
  const create = await open(page, "post", "/api/tasks");
  assert.equal((await execute(create)).status, "201");
  await fits(page, "an operation with its reply");
  await create.evaluate((element) => element.scrollIntoView());
  await shoot("operation");
  await create.locator("button.execute").evaluate((element) => element.scrollIntoView());
  await shoot("reply");
  await page.locator(".auth-wrapper > .authorize").click();
  await fits(page, "the dialog");
  await shoot("authorize");
  await page.close();
  console.log(`ok: nothing is wider than ${viewport.width} pixels (screenshots/${name}-*.png)`);
}

/** Calls the API from a page: returns status and headers, or the error. */
async function call(page: Page, url: string, init: { method?: string; headers?: Record<string, string>; body?: string } = {}) {
  const send = async ([url, init]: [string, RequestInit]) => {
    try {
      const response = await fetch(url, init);
      return { status: response.status, headers: Object.fromEntries(response.headers) };
    } catch (error) {
      return { status: 0, headers: {} as Record<string, string>, error: String(error) };
    }
  };
  return page.evaluate(send, [url, init] as [string, RequestInit]);
}

async function otherOrigins(browser: Browser, api: string, throttled: string, allowed: string, foreign: string): Promise<void> {
  const headers = { Authorization: `Bearer ${tokenFor("carol")}` };
  const json = { ...headers, "Content-Type": "application/json" };
  const create = { method: "POST", headers: { ...json, "Idempotency-Key": crypto.randomUUID() }, body: '{"title": "Brot"}' };

  const page = await browser.newPage();
  await page.goto(allowed);
  const created = await call(page, `${api}/api/tasks`, create);
  assert.equal(created.status, 201, created.error);
  const { etag, location } = created.headers;
  assert.match(etag ?? "", /^"/);
  assert.match(location ?? "", /^\/api\/tasks\//);
  const again = await call(page, `${api}/api/tasks`, create);
  assert.equal(again.headers["idempotency-replayed"], "true");
  await call(page, `${api}/api/tasks`, { method: "POST", headers: json, body: '{"title": "Wein"}' });
  const list = await call(page, `${api}/api/tasks?limit=1`, { headers });
  assert.match(list.headers["link"] ?? "", /rel="next"/);
  const known = await call(page, api + location, { headers: { ...headers, "If-None-Match": etag ?? "" } });
  assert.equal(known.status, 304);
  const anonymous = await call(page, `${api}/api/tasks`);
  assert.equal(anonymous.status, 401);
  assert.match(anonymous.headers["www-authenticate"] ?? "", /^Bearer/);
  const unavailable = await call(page, `${throttled}/api/tasks`, { headers });
  assert.equal(unavailable.status, 503);
  assert.match(unavailable.headers["retry-after"] ?? "", /^[0-9]+$/);
  const changed = await call(page, api + location, { method: "DELETE", headers: { ...headers, "If-Match": '"another"' } });
  assert.equal(changed.status, 412);
  const deleted = await call(page, api + location, { method: "DELETE", headers: { ...headers, "If-Match": etag ?? "" } });
  assert.equal(deleted.status, 204);
  console.log("ok: a page on the allowed origin calls the API and reads ETag, Link, Location and Retry-After");

  await page.goto(foreign);
  const problems = problemsOf(page);
  for (const init of [{ headers }, create, {}]) {
    const { status } = await call(page, `${api}/api/tasks`, init);
    assert.equal(status, 0);
    assert.match(problems.splice(0).join(), /blocked by CORS policy/);
  }
  await page.goto(allowed);
  const after = await call(page, `${api}/api/tasks?limit=1`, { headers });
  assert.equal(after.headers["link"], undefined, "the foreign page created nothing");
  await page.close();
  console.log("ok: a page on a foreign origin cannot");
}

/** A frontend written for a FastAPI backend: docs/migrating.md. */
async function aFrontendIsPointedHere(browser: Browser, api: string, frontend: string): Promise<void> {
  const page = await browser.newPage();
  await page.goto(frontend);
  const problems = problemsOf(page);
  const headers = { Authorization: `Bearer ${tokenFor("dora")}`, "Content-Type": "application/json" };
  const request = async (method: string, path: string, body?: object) => {
    const init: RequestInit = { method, headers, credentials: "include", ...(body && { body: JSON.stringify(body) }) };
    return page.evaluate(
      async ([url, init]) => {
        const response = await fetch(url, init);
        const text = await response.text();
        return { status: response.status, json: text === "" ? undefined : JSON.parse(text) };
      },
      [api + path, init] as [string, RequestInit],
    );
  };
  const created = await request("POST", "/api/tasks", { title: "Milch", description: "" });
  assert.deepEqual([created.status, created.json.description], [201, ""]);
  const path = `/api/tasks/${created.json.id}`;
  const edited = await request("PUT", path, { ...created.json, title: "Hafermilch" });
  assert.deepEqual([edited.status, edited.json.title, edited.json.description], [200, "Hafermilch", ""]);
  const toggled = await request("PATCH", `${path}/complete`);
  assert.deepEqual([toggled.status, toggled.json.completed], [200, true]);
  const list = await request("GET", "/api/tasks");
  assert.deepEqual([list.status, list.json], [200, [toggled.json]]);
  assert.equal((await request("DELETE", path)).status, 204);
  assert.deepEqual((await request("GET", "/api/tasks")).json, []);
  console.log("ok: a frontend on port 3001 works with a server without settings");

  for (const title of ["1", "2", "3"]) await request("POST", "/api/tasks", { title });
  const code = /```ts\n(const tasks = [^]*?)```/.exec(readFileSync(`${repository}docs/migrating.md`, "utf8"))?.[1] ?? "";
  assert.match(code, /"\/api\/tasks"/);
  const walk = (limit: string) => {
    const body = `${code.replace('"/api/tasks"', `"/api/tasks${limit}"`)} return tasks.map(({ title }) => title);`;
    return page.evaluate(`(async (api, headers) => { ${body} })(${JSON.stringify(api)}, ${JSON.stringify(headers)})`);
  };
  assert.deepEqual(await walk("?limit=1"), ["3", "2", "1"]);
  assert.deepEqual(await walk(""), ["3", "2", "1"]);
  assert.deepEqual(problems, []);
  await page.close();
  console.log("ok: the code in docs/migrating.md follows the links of a list to its end");
}

mkdirSync(screenshots, { recursive: true });
let browser: Browser | undefined;
try {
  const [allowed, foreign] = [await startPage(), await startPage()];
  const api = await startApi({ BETTER_AUTH_URL: allowed });
  // It exists to return 503, so do not log that.
  const throttled = await startApi({ BETTER_AUTH_URL: allowed, RUST_LOG: "off" }, "--faults", "throttle=1");
  browser = await chromium.launch({
    executablePath: process.env["CHROMIUM_PATH"] ?? execFileSync("which", ["chromium"], { encoding: "utf8" }).trim(),
    // Chromium cannot run its sandbox as root.
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
  await loads(browser, api);
  const page = await browser.newPage({ viewport: DESKTOP });
  page.setDefaultTimeout(10_000);
  await openDocs(page, api);
  await usesTasks(page);
  await authorizes(page);
  await needsNoInput(page);
  await page.close();
  await isSeen(browser, api, "desktop", DESKTOP);
  await isSeen(browser, api, "phone", PHONE);
  await otherOrigins(browser, api, throttled, allowed, foreign);
  await aFrontendIsPointedHere(browser, await startApi(), await startPage(3001));
} finally {
  await browser?.close();
  stopAll();
}
console.log("10 passed, 0 failed");
