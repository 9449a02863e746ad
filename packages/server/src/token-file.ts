import { rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

/**
 * Writes a token that was made at this start into a file that only this user can read, and returns the file's path.
 *
 * Standard output that is no terminal ends in the log of a service manager or of a container, which more people read and which
 * is kept. The file replaces an older one of the same user.
 *
 * @example await writeTokenFile("codebox-data", { user: "admin", token }) // "/srv/codebox-data/token-admin"
 */
export async function writeTokenFile(
  directory: string,
  { user, token }: { readonly user: string; readonly token: string },
): Promise<string> {
  const path = join(resolve(directory), `token-${user}`);
  const fresh = `${path}.new`;
  await rm(fresh, { force: true });
  // `wx`: only a file that is made here surely has the mode.
  await writeFile(fresh, `${token}\n`, { mode: 0o600, flag: "wx" });
  await rename(fresh, path);
  return path;
}
