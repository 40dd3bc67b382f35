// What the stories share: a client with the types generated from the document, and what it
// expects of replies.
import assert from "node:assert/strict";
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "../generated/api.js";
import { tokenFor } from "../server.js";

export type Api = Client<paths>;
export type Task = components["schemas"]["Task"];
export type NewTask = components["schemas"]["NewTask"];
export type Operation = components["schemas"]["Operation"];
export type OperationResult = components["schemas"]["OperationResult"];

export const clientFor = (baseUrl: string, user: string): Api =>
  createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${tokenFor(user)}` } });

/** Returns the data of a reply that must not be an error. */
export function expectData<T>({ data, error, response }: { data?: T; error?: unknown; response: Response }): T {
  assert.ok(data !== undefined, `${response.status} ${JSON.stringify(error)}`);
  return data;
}

/** Returns the problem in a reply. The gateway's own replies have no `detail`. */
export function expectProblem<T extends object>({ error, response }: { error?: T; response: Response }): Extract<T, { detail: string }> {
  assert.ok(error && "detail" in error, `${response.status} ${JSON.stringify(error)}`);
  return error as Extract<T, { detail: string }>;
}

/** Returns what is wrong with which fields. */
export function invalidFields<T extends object>(reply: { error?: T; response: Response }): string[] {
  const problem: object = expectProblem(reply);
  assert.ok("errors" in problem && Array.isArray(problem.errors));
  return problem.errors.map(({ field }: { field: string }) => field);
}

/** Returns the target of the `Link` to the next page, if there is one. */
export function nextPage({ headers, url }: Response): URL | undefined {
  const target = headers.get("Link")?.match(/^<([^>]*)>; rel="next"$/)?.[1];
  return target === undefined ? undefined : new URL(target, url);
}
