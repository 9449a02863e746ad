import { afterAll, beforeAll, describe, test } from "vitest";
import { accountTests } from "./account.ts";
import { CLIENTS, type Client } from "./clients.ts";
import { installTests } from "./install.ts";
import { packageTests } from "./package.ts";
import { publishTests } from "./publish.ts";
import { can, PLAIN, SCOPED, subject } from "./subject.ts";
import { openWorkplace, type Workplace } from "./workplace.ts";

/** The tests of the suite for these clients. What a client cannot do is no test; docs/clients.md says so. */
export function clientTests(...names: readonly string[]): void {
  for (const name of names) {
    const client = CLIENTS.find((known) => known.name === name);
    if (!client) throw new Error(`no client "${name}"`);
    if (client.program) describe(name, () => suite(client));
    else test(name, ({ skip }) => skip(`npm ci --prefix tests/clients does not install ${name} on this platform`));
  }
}

function suite(client: Client): void {
  let workplace: Workplace;
  const it = subject(client, () => workplace);

  beforeAll(async () => {
    workplace = await openWorkplace(client);
    await it.publish(PLAIN, "1.0.0");
    await it.publish(SCOPED, "1.0.0");
    await it.publish(SCOPED, "1.1.0", "next");
  });
  afterAll(() => workplace.close());

  installTests(it);
  const publish = can(client.words.publish);
  if (publish) publishTests(it, publish);
  packageTests(it);
  accountTests(it);
}
