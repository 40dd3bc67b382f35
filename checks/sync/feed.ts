// Reads the feed. Both engines use it.
import type { Client } from "openapi-fetch";
import type { components, paths } from "../generated/api.js";

export type Api = Client<paths>;
export type Task = components["schemas"]["Task"];
export type Operation = components["schemas"]["Operation"];

type Change = components["schemas"]["Changes"]["changes"][number];

/** Returns what has changed since a token: all of it, or as soon as it is `enough`. */
export async function readChanges(api: Api, token?: string, enough = Infinity) {
  const changes = new Map<string, Change>();
  let isAnew = false;
  for (let more = true; more && (isAnew || changes.size < enough); ) {
    const { data, response } = await api.GET("/api/changes", { params: { query: token ? { since: token } : {} } });
    if (response.status === 410) {
      // Away for too long. What does not come now was deleted.
      token = undefined;
      isAnew = true;
      changes.clear();
      continue;
    }
    if (!data) throw new Error(`list-changes replied ${response.status}`);
    // A task may change between two pages. Its last state counts.
    for (const change of data.changes) changes.set(change.id, change);
    token = data.next;
    more = data.more;
  }
  return { changes: [...changes.values()], token, isAnew };
}
