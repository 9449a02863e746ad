/**
 * Why something failed. Closed; there is a code only where a caller acts differently on it.
 *
 * - `invalid`: a message or an answer is not as the contract says. Sending it again does not help.
 * - `unsupported`: this way of sending does not take this kind of change.
 * - `too_large`: the message is over the limit of its transport.
 * - `refused`: the registry or AWS refused the caller (401, 403) or the request (other 4xx).
 * - `unavailable`: no answer, or a failure that may pass. It is not known whether a change was taken: send it again with its id.
 * - `timeout`: the outcome was not known in time. The change may still be applied.
 */
export type ErrorCode = "invalid" | "unsupported" | "too_large" | "refused" | "unavailable" | "timeout";

/**
 * What every function of this package throws.
 *
 * @example catch (error) { if (error instanceof ClientError && error.code === "unavailable") … }
 */
export class ClientError extends Error {
  override readonly name: string = "ClientError";
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A change was not taken. Nothing after it was sent. */
export class SendError extends ClientError {
  override readonly name = "SendError";
  /** The change that was not taken: send it again with the same id, if `code` is `unavailable`. */
  readonly change: { readonly id: string; readonly name: string };
  constructor(code: ErrorCode, change: SendError["change"], reason: string, options?: ErrorOptions) {
    super(code, `the change ${change.id} of ${change.name} was not taken: ${reason}`, options);
    this.change = { id: change.id, name: change.name };
  }
}
