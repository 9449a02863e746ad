import { describe, expect, test } from "vitest";
import { applied, changeOf, given, packumentAfter, publishOf, rejected, tagPut } from "@codebox/testing";
import {
  apply,
  Change,
  NO_CONTEXT,
  own,
  stateOf,
  type ChangeOf,
  type Packument,
  type TagRule,
} from "../../src/index.ts";

/** Owned by alice. 1: 1.0.0, 2: 2.0.0 as latest, 3: 3.0.0-rc.1 as next. */
const wire = packumentAfter([
  publishOf("wire", "1.0.0"),
  publishOf("wire", "2.0.0"),
  publishOf("wire", "3.0.0-rc.1", { tags: ["next"] }),
]);
const setRules = (...rules: TagRule[]) => changeOf("rules.put", "wire", { rules });
const ruled = (...rules: TagRule[]) => packumentAfter([setRules(...rules)], wire);
const put = (tag: string, version: string, at?: string): ChangeOf<"tag.put"> => {
  const change = tagPut("wire", tag, version);
  return at === undefined ? change : { ...change, at };
};
const as = <C extends Change>(name: string, change: C): C => ({ ...change, actor: { kind: "user", name } });
const refused = (packument: Packument, change: Change): string =>
  given(packument).when(change).then(rejected("forbidden")).rejection.message;

describe("who sets the rules", () => {
  test("an owner, and nobody else, whichever way the change comes", () => {
    const { packument } = given(wire)
      .when(setRules({ tags: "latest", forward: true }))
      .then(applied());
    expect(stateOf(packument).rules).toEqual([{ tags: "latest", forward: true }]);
    expect(refused(wire, as("bob", setRules()))).toBe("only an owner of wire changes its rules; ask one of alice");
  });
  test("an empty list removes them; they stay over every other change, also when all versions are unpublished", () => {
    const some = ruled({ tags: "*", movers: ["alice"] });
    expect(stateOf(packumentAfter([setRules()], some))).not.toHaveProperty("rules");
    const all = [put("beta", "1.0.0"), changeOf("unpublish.all", "wire", {})] as const;
    expect(stateOf(packumentAfter(all, some)).rules).toHaveLength(1);
  });
  test.each([
    [{ tags: "a*b*c" }, "at most one"],
    [{ tags: "" }, "must not be empty"],
    [{ tags: "latest", movers: ["team:"] }, "name a user"],
    [{ tags: "latest", movers: [] }, "names at least one"],
    [{ tags: "latest", freeze: [{ weekly: { from: "Friday", until: "Mon 06:00" } }] }, "a time of the week"],
    [{ tags: "latest", surprise: true }, "surprise"],
  ])("%j is malformed", (rule, message) => {
    const parsed = Change.safeParse({ ...setRules(), rules: [rule] });
    expect(JSON.stringify(parsed.error?.issues)).toContain(message);
  });
});

describe("movers", () => {
  const guarded = ruled({ tags: "latest", movers: ["alice", "team:acme:release"] });

  test("only they move the tag; the refusal says the rule and who can", () => {
    given(guarded).when(put("latest", "1.0.0")).then(applied());
    expect(refused(guarded, as("bob", put("latest", "1.0.0")))).toBe(
      '"latest" of wire is not moved by bob (rule "latest"); ask one of alice, team:acme:release',
    );
    given(guarded)
      .when(as("bob", put("beta", "1.0.0")))
      .then(applied());
  });
  test("the caller of apply says who belongs to a team", () => {
    const change = as("bob", put("latest", "1.0.0"));
    const isMember = (team: string, user: string) => team === "acme:release" && user === "bob";
    expect(apply(guarded, change, { ...NO_CONTEXT, isMember }).kind).toBe("applied");
    expect(apply(guarded, change, NO_CONTEXT).kind).toBe("rejected");
  });
  test("a group of the sign-in provider moves it by those whom the provider says to be in it", () => {
    const grouped = ruled({ tags: "latest", movers: ["group:github:acme/platform"] });
    const by = (kind: "user" | "workload", ...groups: string[]) => {
      const change = put("latest", "1.0.0");
      return apply(grouped, { ...change, actor: { kind, name: "bob", groups } }, NO_CONTEXT).kind;
    };
    expect(by("user", "github:acme/platform")).toBe("applied");
    expect([by("user"), by("user", "github:acme/web"), by("workload", "github:acme/platform")]).toEqual(
      Array(3).fill("rejected"),
    );
  });
  test("the rules of the scope hold beside the package's own, and say who changes them", () => {
    const scopeRules = () => [{ tags: "latest", forward: true as const }];
    const context = { ...NO_CONTEXT, scopeRules };
    const result = apply(guarded, put("latest", "1.0.0"), context);
    expect(result).toMatchObject({
      rejection: {
        message: expect.stringMatching(/^"latest" of wire only moves forward, .*administrator/) as string,
      },
    });
    expect(apply(guarded, as("bob", put("latest", "2.0.0")), context).kind).toBe("applied");
    expect(apply(guarded, as("bob", put("latest", "3.0.0-rc.1")), context)).toMatchObject({
      rejection: { message: expect.stringContaining("not moved by bob") as string },
    });
    expect(apply(undefined, publishOf("wire", "1.0.0"), context).kind).toBe("applied");
  });
  test.each<[string, Change]>([
    ["a merge", changeOf("tags.merge", "wire", { tags: { beta: "1.0.0", latest: "1.0.0" } })],
    ["a replacement", changeOf("tags.replace", "wire", { tags: { latest: "1.0.0" } })],
    ["a publish", publishOf("wire", "4.0.0")],
    ["an unpublish", changeOf("unpublish.versions", "wire", { versions: ["2.0.0"] })],
    ["a restore", changeOf("tags.restore", "wire", { tags: { latest: "1.0.0" }, since: 1, seen: 4, force: true })],
    [
      "a forced undo",
      changeOf("tags.undo", "wire", {
        undoes: "gone",
        sequence: 2,
        tags: { latest: { from: "1.0.0", to: "2.0.0" } },
        force: true,
      }),
    ],
  ])("%s does not go round the rule", (_, change) => {
    expect(refused(guarded, as("bob", change))).toContain("is not moved by bob");
    given(guarded).when(change).then(applied());
  });
  test("a CI job or another service is a mover only under its kind, and a user of the same name is not", () => {
    const robots = ruled({ tags: "latest", movers: ["service:release", "workload:github:acme/wire"] });
    const by = (kind: "user" | "workload" | "service", name: string): Change => ({
      ...put("latest", "1.0.0"),
      actor: { kind, name },
    });
    given(robots).when(by("service", "release")).then(applied());
    given(robots).when(by("workload", "github:acme/wire")).then(applied());
    for (const [kind, name] of [
      ["user", "release"],
      ["workload", "release"],
      ["user", "ci"],
    ] as const)
      expect(refused(robots, by(kind, name))).toContain(`is not moved by ${name}`);
    expect(refused(guarded, by("service", "alice"))).toContain("is not moved by alice");
  });
  test("a publish says how to publish all the same", () => {
    expect(refused(guarded, as("bob", publishOf("wire", "4.0.0")))).toMatch(/--tag next"$/);
    given(guarded)
      .when(as("bob", publishOf("wire", "4.0.0", { tags: ["next"] })))
      .then(applied());
  });
});

describe("forward", () => {
  const forward = ruled({ tags: "*", forward: true });

  test("a tag moves to a higher version, is made anywhere, and is neither moved back nor removed", () => {
    given(forward).when(put("latest", "3.0.0-rc.1")).then(applied());
    given(forward).when(put("beta", "1.0.0")).then(applied());
    expect(refused(forward, put("latest", "1.0.0"))).toMatch(
      /only moves forward, not from 2\.0\.0 to 1\.0\.0 .*alice$/,
    );
    expect(refused(forward, changeOf("tag.remove", "wire", { tag: "next" }))).toContain("to nowhere");
  });
  test("an undo returns a tag to where it was, if the document remembers the move", () => {
    const { packument } = given(forward).when(put("latest", "3.0.0-rc.1")).then(applied());
    const { id, sequence, detail } = stateOf(packument).applied.at(-1) ?? expect.fail("no record");
    given(packument)
      .when(changeOf("tags.undo", "wire", { undoes: id, sequence, tags: { ...detail?.tags } }))
      .then(applied({ "dist-tags": { latest: "2.0.0", next: "3.0.0-rc.1" } }));
    const made = { undoes: "made-up", sequence, tags: { latest: { from: "1.0.0", to: "2.0.0" } }, force: true };
    given(packument)
      .when(changeOf("tags.undo", "wire", made))
      .then(rejected("forbidden"));
  });
});

describe("which versions", () => {
  test("releases: never a prerelease", () => {
    expect(refused(ruled({ tags: "latest", releases: true }), put("latest", "3.0.0-rc.1"))).toContain(
      "never points at a prerelease",
    );
  });
  test("minutes: only versions that are old enough, by the time of the change", () => {
    const rule = ruled({ tags: "latest", minutes: 60 });
    const published = new Date(own(rule.time, "1.0.0") ?? "").getTime();
    const at = (minutes: number) => new Date(published + minutes * 60_000).toISOString();
    expect(refused(rule, put("latest", "1.0.0", at(59)))).toContain(`try again then`);
    given(rule)
      .when(put("latest", "1.0.0", at(60)))
      .then(applied());
  });
  test("from: only versions that CI published, or that have verified provenance; both are said by the registry", () => {
    const marked = (field: object): Packument => ({
      ...wire,
      versions: { ...wire.versions, "1.0.0": { ...wire.versions["1.0.0"], ...field } as Packument["versions"][string] },
    });
    const move = put("latest", "1.0.0");
    for (const [from, field] of [
      ["ci", { _npmUser: { name: "ci", trustedPublisher: { id: "github" } } }],
      ["provenance", { dist: { attestations: { url: "x" } } }],
    ] as const) {
      const rule = setRules({ tags: "latest", from });
      expect(refused(packumentAfter([rule], wire), move)).toContain("only points at versions");
      given(packumentAfter([rule], marked(field)))
        .when(move)
        .then(applied());
    }
  });
});

describe("approvals", () => {
  const guarded = ruled({ tags: "latest", approvals: { count: 1 } });
  const approve = (version: string, at?: string) => {
    const change = changeOf("tags.approve", "wire", { tag: "latest", version });
    return at === undefined ? change : { ...change, at };
  };
  const approved = (...changes: Change[]) => packumentAfter(changes, guarded);
  const day = (number: number) => `2027-01-${String(number).padStart(2, "0")}T00:00:00.000Z`;

  test("a move needs somebody else's; the refusal says who, and with which command", () => {
    expect(refused(guarded, put("latest", "1.0.0"))).toBe(
      '"latest" of wire needs an approval of 1.0.0 and has none (rule "latest"); ask somebody else for "codebox tags approve wire latest 1.0.0"',
    );
    expect(refused(approved(approve("1.0.0")), put("latest", "1.0.0"))).toContain("has none");
    given(approved(as("bob", approve("1.0.0"))))
      .when(put("latest", "1.0.0"))
      .then(applied({ "dist-tags": { latest: "1.0.0", next: "3.0.0-rc.1" } }));
  });
  test("one counts for one move, of this tag to this version", () => {
    const packument = approved(as("bob", approve("1.0.0")));
    expect(refused(packument, put("latest", "3.0.0-rc.1"))).toContain("has none");
    const used = packumentAfter([put("latest", "1.0.0")], packument);
    expect(stateOf(used)).not.toHaveProperty("approvals");
    const again = packumentAfter([as("bob", approve("2.0.0")), put("latest", "2.0.0")], used);
    expect(refused(again, put("latest", "1.0.0"))).toContain("has none");
  });
  test("the same person's count once, and one is old after 14 days", () => {
    const two = packumentAfter([setRules({ tags: "latest", approvals: { count: 2 } })], wire);
    const twice = packumentAfter([as("bob", approve("1.0.0")), as("bob", approve("1.0.0"))], two);
    expect(refused(twice, put("latest", "1.0.0"))).toContain("needs 2 approvals of 1.0.0 and has bob");
    given(packumentAfter([as("carol", approve("1.0.0"))], twice))
      .when(put("latest", "1.0.0"))
      .then(applied());
    const early = approved(as("bob", approve("1.0.0", day(1))));
    expect(refused(early, put("latest", "1.0.0", day(15)))).toContain("has none");
    given(early)
      .when(put("latest", "1.0.0", day(14)))
      .then(applied());
  });
  test("only those count whom the rule names", () => {
    const named = packumentAfter([setRules({ tags: "latest", approvals: { count: 1, by: ["carol"] } })], wire);
    const byBob = packumentAfter([as("bob", approve("1.0.0"))], named);
    expect(refused(byBob, put("latest", "1.0.0"))).toContain("ask one of carol");
    given(packumentAfter([as("carol", approve("1.0.0"))], byBob))
      .when(put("latest", "1.0.0"))
      .then(applied());
  });
  test("an undo needs none; a publish cannot have one", () => {
    const moved = approved(as("bob", approve("1.0.0")), put("latest", "1.0.0"));
    const { id, sequence, detail } = stateOf(moved).applied.at(-1) ?? expect.fail("no record");
    given(moved)
      .when(changeOf("tags.undo", "wire", { undoes: id, sequence, tags: { ...detail?.tags } }))
      .then(applied());
    expect(refused(guarded, publishOf("wire", "4.0.0"))).toContain("--tag next");
  });
  test("what no rule asks for, and a version that does not exist, cannot be approved", () => {
    given(wire).when(approve("1.0.0")).then(rejected("conflict"));
    given(guarded).when(approve("9.0.0")).then(rejected("not_found"));
  });
});

describe("a version that a CI job published with its own identity", () => {
  const ci = { ...publishOf("wire", "4.0.0", { tags: ["next"] }), actor: { kind: "workload" as const, name: "ci" } };

  test("is one from CI, and the history says that a workload published it", () => {
    const packument = packumentAfter([setRules({ tags: "latest", from: "ci" }), ci], wire);
    expect(stateOf(packument).applied.at(-1)).toMatchObject({ by: "ci", kind: "workload" });
    given(packument).when(put("latest", "4.0.0")).then(applied());
    expect(refused(packument, put("latest", "1.0.0"))).toContain("that CI published");
  });
});

describe("freeze", () => {
  const once = { from: "2026-12-20T00:00:00Z", until: "2027-01-04T08:00:00Z" };
  const weekly = { weekly: { from: "Fri 16:00", until: "Mon 06:00" } };
  const frozen = ruled({ tags: "*", freeze: [once, weekly], note: "no release without people" });

  test.each([
    ["2026-12-20T00:00:00Z", true],
    ["2027-01-04T07:59:59Z", true],
    ["2027-01-05T12:00:00Z", false],
    ["2026-11-27T15:59:00Z", false], // Friday
    ["2026-11-27T16:00:00Z", true],
    ["2026-11-29T03:00:00Z", true],
    ["2026-11-30T05:59:00Z", true],
    ["2026-11-30T06:00:00Z", false],
  ])("a tag at %s: frozen %s", (at, isFrozen) => {
    const change = put("latest", "1.0.0", at);
    if (isFrozen) expect(refused(frozen, change)).toMatch(/does not move until .*no release without people/);
    else given(frozen).when(change).then(applied());
  });
});
