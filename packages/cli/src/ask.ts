import { createInterface } from "node:readline";
import { read } from "read";

/**
 * Asks for texts that are not shown, such as passwords. They are no arguments, which everybody on the machine can see. On a terminal
 * the person types them; in a pipe each is a line.
 *
 * @example const ask = asker(process.stdin, process.stderr); await ask("New password: ");
 */
export function asker(input: NodeJS.ReadStream, output: NodeJS.WritableStream): (prompt: string) => Promise<string> {
  let lines: AsyncIterator<string> | undefined;
  return async (prompt) => {
    if (input.isTTY) return read({ prompt, silent: true, replace: "*", input, output });
    lines ??= createInterface({ input })[Symbol.asyncIterator]();
    const line = await lines.next();
    return line.done === true ? "" : line.value;
  };
}
