import type { ExitCode } from "../errors.ts";
import type { Output } from "../output.ts";
import type { PackageClient, Reason } from "../package-client.ts";

/**
 * Gives the name of a package without versions back to the upstream, or says what that would do.
 *
 * @example await giveBack({ client, output }, { dryRun: true });
 * @throws CommandError when the registry refuses: the package has versions, or its name is configured as ours
 */
export async function giveBack(
  { client, output }: { readonly client: PackageClient; readonly output: Output },
  { dryRun, ...why }: { readonly dryRun: boolean } & Reason,
): Promise<ExitCode> {
  const { upstream } = await client.send("POST", "/give-back", { dryRun }, why);
  const has =
    upstream === true
      ? "the upstream has a package of this name, which everybody who installs it would get"
      : upstream === false
        ? "the upstream has no package of this name now"
        : "it is not known whether the upstream has a package of this name";
  const title = dryRun ? `would give ${client.name} back` : `gave ${client.name} back`;
  output.record({ package: client.name, dryRun, upstream: upstream ?? null }, `${title}; ${has}`);
  return 0;
}
