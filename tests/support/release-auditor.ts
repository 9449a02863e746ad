import { own, stateOf, type ChangeEvent, type Packument, type PackumentReader } from "@codebox/core";

/** A release as its sender made it. Each has a tag of its own, or a version that no other release publishes. */
export type MadeRelease = {
  readonly id: string;
  readonly names: readonly string[];
  /** The tag that it sets, or the version that it publishes. */
  readonly mark: string;
};

/** Whether a package shows a release. */
export function shows(packument: Packument | undefined, { mark }: MadeRelease): boolean {
  return own(packument?.["dist-tags"], mark) !== undefined || own(packument?.versions, mark) !== undefined;
}

/**
 * Watches reads while releases are made. A read that is over and has shown a release means that every read of any of its packages
 * that begins later shows it.
 *
 * @example const watch = watchReads(reader, releases); await watch.read("wire"); expect(watch.problems).toEqual([]);
 */
export function watchReads(reader: Pick<PackumentReader, "read">, releases: ReadonlyMap<string, MadeRelease>) {
  const shown = new Set<string>();
  const problems: string[] = [];
  return {
    problems,
    shown,
    async read(name: string): Promise<void> {
      const due = [...shown].flatMap((id) => releases.get(id) ?? []).filter(({ names }) => names.includes(name));
      const known = [...releases.values()].filter(({ names }) => names.includes(name));
      const packument = (await reader.read(name))?.packument;
      for (const release of due)
        if (!shows(packument, release)) problems.push(`${release.id} was seen before, and ${name} does not show it`);
      for (const release of known) if (shows(packument, release)) shown.add(release.id);
    },
  };
}

/** What is half visible, lost, doubled or out of order, when nothing is under way any more. */
export function audit(
  packuments: ReadonlyMap<string, Packument>,
  releases: Iterable<MadeRelease>,
  events: readonly ChangeEvent[],
): readonly string[] {
  const problems: string[] = [];
  for (const release of releases) {
    const showing = release.names.filter((name) => shows(packuments.get(name), release));
    if (showing.length > 0 && showing.length < release.names.length)
      problems.push(`half visible: ${release.id} in ${showing.join()} of ${release.names.join()}`);
  }
  for (const [name, packument] of packuments) {
    const { applied, sequence } = stateOf(packument);
    if (new Set(applied.map(({ id }) => id)).size < applied.length) problems.push(`doubled: a change of ${name}`);
    if (applied.some((record, index) => record.sequence !== sequence - applied.length + 1 + index))
      problems.push(`out of order: the ring of ${name}`);
    const sent = new Map(events.filter((event) => event.name === name).map((event) => [event.sequence, event.id]));
    for (const record of applied)
      if (sent.get(record.sequence) !== record.id) problems.push(`lost: the event of ${record.id} of ${name}`);
    for (const record of applied.filter(({ release }) => release !== undefined))
      if (events.find(({ id }) => id === record.id)?.release !== record.release)
        problems.push(`the event of ${record.id} does not name its release`);
  }
  return problems;
}
