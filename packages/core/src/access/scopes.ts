import * as z from "zod";

/** A scope as npm has it: an `@` and a name that may be part of a URL. */
const SCOPE = /^@[a-z0-9~-][a-z0-9._~-]*$/;

/**
 * The scopes that never come from the upstream, as a setting spells them: separated by commas, spaces allowed around each.
 *
 * @example Scopes.parse("@acme, @acme-labs") // ["@acme", "@acme-labs"]
 * The server, the functions and the stacks read their setting with it, so all of them accept the same spellings.
 */
export const Scopes = z
  .string()
  .transform((text) =>
    text
      .split(",")
      .map((scope) => scope.trim())
      .filter((scope) => scope !== ""),
  )
  .pipe(z.array(z.string().regex(SCOPE, 'must list scopes separated by commas, such as "@acme,@acme-labs"')));
