// What can go wrong between a device and the API.
import type { components } from "../generated/api.js";

type Batch = components["schemas"]["Batch"];
type Results = components["schemas"]["BatchResults"];
type Page = components["schemas"]["Changes"];

/** Returns numbers from 0 to 1, always the same for a seed. */
export function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const MONTH = 30 * 24 * 60 * 60 * 1000;

/** Makes a token of the feed a month older. */
function aged(token: string): string {
  const [json = "", delivered] = token.split(".");
  const members = JSON.parse(Buffer.from(json, "base64url").toString());
  const older = { ...members, b: members.b - MONTH, f: members.f - MONTH };
  return `${Buffer.from(JSON.stringify(older)).toString("base64url")}.${delivered}`;
}

/** The connection of one device, which loses requests and replies. */
export class Network {
  isOnline = true;
  /** How often each kind of request, and each kind of reply, has been seen. */
  readonly seen = new Map<string, number>();
  private writesLeft = Infinity;
  private onBroken: () => void = () => undefined;
  private isAway = false;
  private old: string | undefined;
  /** The living tasks that the feed has brought since the device began anew. */
  private anew: Set<string> | undefined;

  constructor(
    private readonly random: () => number,
    /** The changes on one page of the feed. */
    private readonly pageSize: number,
  ) {}

  count(what: string): number {
    return this.seen.get(what) ?? 0;
  }

  /** After some writes, the connection breaks before the reply to the next one. */
  breakAfter(writes: number): void {
    this.writesLeft = writes;
  }

  /** Waits until the connection breaks. */
  broken(): Promise<void> {
    return new Promise((resolve) => (this.onBroken = resolve));
  }

  repair(): void {
    this.isOnline = true;
  }

  /** The device comes back after a month. */
  ageToken(): void {
    this.isAway = true;
    this.old = undefined;
  }

  readonly fetch = async (request: Request): Promise<Response> => {
    if (!this.isOnline) throw new TypeError("offline");
    const isRead = request.method === "GET";
    this.saw("requests");
    this.saw(isRead ? "reads" : "writes");
    if (this.random() < 0.03) this.lose("lost requests");
    const batch = request.url.endsWith("/batch") ? request.clone() : undefined;
    const url = isRead ? this.change(request.url) : undefined;
    const response = await this.forget(url, await fetch(url ? new Request(url, request) : request));
    this.saw(`${response.status}`);
    if (response.headers.has("Idempotency-Replayed")) this.saw("replayed creates");
    if (batch && response.ok) this.sawResults(await batch.json(), await response.clone().json());
    if (!isRead && this.writesLeft-- === 0) this.break();
    if (!this.isOnline || this.random() < 0.06) {
      await response.body?.cancel();
      this.lose("lost replies");
    }
    return response;
  };

  private saw(what: string): void {
    this.seen.set(what, this.count(what) + 1);
  }

  /** A batch counts like its operations alone. */
  private sawResults({ operations }: Batch, { results }: Results): void {
    this.saw("batches");
    for (const [index, { status }] of results.entries()) {
      this.saw("operations");
      this.saw(`${status}`);
      if (operations[index]?.op === "create" && status === 200) this.saw("replayed creates");
    }
  }

  private lose(what: string): never {
    this.saw(what);
    throw new TypeError(what);
  }

  private break(): void {
    this.isOnline = false;
    this.onBroken();
  }

  private change(target: string): URL {
    const url = new URL(target);
    if (!url.pathname.endsWith("/changes")) return url;
    url.searchParams.set("limit", `${this.pageSize}`);
    const token = url.searchParams.get("since");
    if (!token || !this.isAway) return url;
    this.old ??= token;
    if (token === this.old) url.searchParams.set("since", aged(token));
    return url;
  }

  /**
   * After a month, the feed does not know what was deleted meanwhile. So a device that begins
   * anew hears only of deletions of tasks that it has been told of since.
   */
  private async forget(url: URL | undefined, response: Response): Promise<Response> {
    if (!this.isAway || !url?.pathname.endsWith("/changes") || !response.ok) return response;
    if (!url.searchParams.has("since")) this.anew = new Set();
    const told = this.anew;
    if (!told) return response;
    const page: Page = await response.json();
    const changes = page.changes.filter((change) => ("task" in change ? told.add(change.id) : told.has(change.id)));
    if (!page.more) this.anew = undefined;
    return Response.json({ ...page, changes }, response);
  }
}
