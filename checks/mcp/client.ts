// A client of any kind, as the checks use it.

export type Arguments = Record<string, unknown>;

/** The result of a call. */
export interface Result {
  isError: boolean;
  text: string;
  structured?: unknown;
}

export interface McpClient {
  /** The names of the tools. */
  tools(): Promise<string[]>;
  /** Calls a tool. Fails if the result is not what the tool's `outputSchema` says. */
  call(tool: string, args: Arguments): Promise<Result>;
  close(): Promise<void>;
}
