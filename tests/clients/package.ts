import { expect, test } from "vitest";
import { can, PLAIN, SCOPED, type Subject } from "./subject.ts";

/** Tests of changes to a package that exists. */
export function packageTests(it: Subject): void {
  const { words } = it;

  const tag = can(words.tag);
  if (tag)
    test("a tag is added, listed and removed", async () => {
      const project = await it.source(SCOPED, "1.0.0");
      const tags = async () => (await it.at.packument(SCOPED))["dist-tags"];
      await it.succeed(project, tag.add(`${SCOPED}@1.0.0`, "old"));
      expect(await tags()).toMatchObject({ old: "1.0.0" });
      expect((await it.succeed(project, tag.list(SCOPED))).stdout).toContain("old");
      await it.succeed(project, tag.remove(SCOPED, "old"));
      expect(await tags()).not.toHaveProperty("old");
      const unknown = await project.run(tag.add(`${SCOPED}@7.7.7`, "old"));
      expect(unknown.code).not.toBe(0);
      expect(unknown.all).toContain("has no version 7.7.7");
    });

  const deprecate = can(words.deprecate);
  if (deprecate)
    test("deprecate marks a version, and can be taken back", async () => {
      const project = await it.source(SCOPED, "1.0.0");
      const mark = async () => (await it.at.packument(SCOPED)).versions["1.0.0"]?.["deprecated"];
      await it.succeed(project, deprecate(`${SCOPED}@1.0.0`, "use 1.1"));
      expect(await mark()).toBe("use 1.1");
      await it.succeed(project, deprecate(`${SCOPED}@1.0.0`));
      expect((await mark()) ?? "").toBe("");
    });

  const unpublish = can(words.unpublish);
  if (unpublish)
    test("unpublish removes a version and its tarball", async () => {
      await it.publish("@acme/gone", "1.0.0");
      await it.publish("@acme/gone", "1.1.0");
      await it.succeed(await it.source("@acme/gone", "1.1.0"), unpublish("@acme/gone@1.1.0"));
      expect(await it.at.packument("@acme/gone")).toMatchObject({ "dist-tags": { latest: "1.0.0" } });
      expect((await it.at.registry.fetch("/@acme/gone/-/gone-1.1.0.tgz")).status).toBe(404);
    });

  ownerTests(it);
  listTests(it);

  const view = can(words.view);
  if (view)
    test("view shows a package, with nothing undefined", async () => {
      const shown = await it.succeed(await it.source(SCOPED, "1.0.0"), view(SCOPED));
      expect(shown.stdout).toContain("1.0.0");
      expect(shown.all).not.toContain("undefined");
    });
}

function ownerTests(it: Subject): void {
  const names = async () => (await it.at.packument(PLAIN)).maintainers?.map(({ name }) => name);

  const owner = can(it.words.owner);
  if (owner)
    test("owner add adds an owner to the others", async () => {
      await it.at.registry.fetch("/-/user/org.couchdb.user:bob", {
        method: "PUT",
        body: JSON.stringify({ name: "bob", password: "a long password" }),
        headers: { "content-type": "application/json" },
      });
      await it.succeed(await it.source(PLAIN, "1.0.0"), owner("bob", PLAIN));
      expect(await names()).toEqual(["admin", "bob"]);
    });

  const disown = can(it.words.disown);
  if (disown)
    test("owner remove leaves the others", async () => {
      await it.succeed(await it.source(PLAIN, "1.0.0"), disown("bob", PLAIN));
      expect(await names()).toEqual(["admin"]);
    });
}

/** Tests of what a client lists. */
function listTests(it: Subject): void {
  const collaborators = can(it.words.collaborators);
  if (collaborators)
    test("the collaborators of a package are its owners", async () => {
      const listed = await it.succeed(await it.source(SCOPED, "1.0.0"), collaborators(SCOPED));
      expect(listed.stdout).toMatch(/admin.*write/);
    });

  const star = can(it.words.star);
  if (star)
    test("a starred package is among the stars", async () => {
      const project = await it.source(SCOPED, "1.0.0");
      await it.succeed(project, star.mark(SCOPED));
      expect((await it.succeed(project, star.list)).stdout).toContain(SCOPED);
    });

  const search = can(it.words.search);
  if (search)
    test("search finds a package of ours, also from the folder of a package with a scope", async () => {
      const found = await it.succeed(await it.source("@acme/other", "1.0.0"), search("wire"));
      expect(found.stdout).toContain(SCOPED);
    });
}
