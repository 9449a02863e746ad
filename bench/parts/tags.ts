import { startCodebox, startVerdaccio, type Contender } from "../contenders.ts";
import { publish, releaseOf, versionsOf } from "../packages.ts";
import { byAutocannon } from "../rates.ts";
import type { Context, Part, Row, Value } from "../rows.ts";
import { rateOf, registries, toValue } from "./shared.ts";

const PACKAGE = "bench-wire";
const VERSIONS = versionsOf(20);
/** Tags that the PUTs move; each request moves one to another version. */
const TAGS = 64;

/** Changes of tags and reads of them. */
export const tags: Part = {
  title: "Tags",
  about: `A package with ${VERSIONS.length} versions. The PUTs move ${TAGS} tags, each to another version every time. codebox answers when the change is synced to the disk; verdaccio does not sync.`,
  run: (context) =>
    registries(context, [() => startCodebox(), () => startVerdaccio()], async (contender, add) => {
      for (const version of VERSIONS) await publish(contender, releaseOf(PACKAGE, version));
      for (const connections of [1, 16, 64])
        add(row("PUT dist-tag", connections), await puts(contender, connections, context));
      if (!context.quick) await expectTags(contender);
      for (const connections of [1, 16, 64]) {
        const url = `${contender.url}/-/package/${PACKAGE}/dist-tags`;
        add(row("GET dist-tags", connections), await rateOf(url, {}, connections, context));
      }
    }),
};

function row(what: string, connections: number): Omit<Row, "values"> {
  return { title: `${what}, ${connections} at once`, unit: "req/s" };
}

async function puts({ url, token }: Contender, connections: number, { seconds }: Context): Promise<Value> {
  let counter = 0;
  const measured = await byAutocannon({
    url,
    method: "PUT",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    connections,
    seconds,
    next: () => ({
      path: `/-/package/${PACKAGE}/dist-tags/tag-${counter++ % TAGS}`,
      body: JSON.stringify(VERSIONS[Math.floor(counter / TAGS) % VERSIONS.length]),
    }),
  });
  return toValue(measured);
}

async function expectTags({ name, url }: Contender): Promise<void> {
  const response = await fetch(`${url}/-/package/${PACKAGE}/dist-tags`);
  const found = Object.keys((await response.json()) as object).filter((tag) => tag.startsWith("tag-"));
  if (found.length !== TAGS) throw new Error(`${name} has ${found.length} of the ${TAGS} tags`);
}
