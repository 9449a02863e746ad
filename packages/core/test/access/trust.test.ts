import { trustProblem, trusts, workloadName, type TrustRule, type Workload } from "@codebox/core";
import { describe, expect, test } from "vitest";

const rule = (changes: Partial<TrustRule> = {}): TrustRule => ({
  id: "rule-1",
  type: "github",
  claims: { repository: "acme/wire", workflow_ref: { file: "release.yml" } },
  permissions: ["publish"],
  by: "alice",
  created: "2026-11-25T10:00:00.000Z",
  ...changes,
});
const job = (claims: Record<string, unknown> = {}): Workload => ({
  type: "github",
  issuer: "https://token.actions.githubusercontent.com",
  claims: {
    repository: "acme/wire",
    repository_id: "1001",
    workflow_ref: "acme/wire/.github/workflows/release.yml@refs/heads/main",
    ref: "refs/heads/main",
    ...claims,
  },
  tokenId: "token-1",
});

describe("a rule for GitHub", () => {
  test("trusts the workflow of its repository", () => {
    expect(trusts(rule(), job())).toEqual({ ok: true });
  });
  test("compares the repository without regard to capitals, as GitHub does", () => {
    expect(trusts(rule({ claims: { repository: "Acme/Wire", workflow_ref: { file: "release.yml" } } }), job()).ok).toBe(
      true,
    );
  });
  test.each([
    ["another repository", { repository: "acme/other" }],
    ["another file", { workflow_ref: "acme/wire/.github/workflows/test.yml@refs/heads/main" }],
    ["a workflow of another repository", { workflow_ref: "evil/wire/.github/workflows/release.yml@refs/heads/main" }],
    ["a repository that is no text", { repository: ["acme/wire"] }],
    ["no workflow", { workflow_ref: undefined }],
    ["a file in a folder", { workflow_ref: "acme/wire/.github/workflows/x/release.yml@refs/heads/main" }],
  ])("refuses %s, and says which claim differs", (_, claims) => {
    const verdict = trusts(rule(), job(claims));
    expect(verdict.ok).toBe(false);
    expect(verdict).toHaveProperty("problem", expect.stringContaining(Object.keys(claims)[0] ?? ""));
  });
  test("refuses a job whose name is that of its first job and whose ids are others", () => {
    expect(trusts(rule({ pinned: { repository_id: "1001" } }), job())).toEqual({ ok: true });
    expect(trusts(rule({ pinned: { repository_id: "1001" } }), job({ repository_id: "6666" })).ok).toBe(false);
  });
  test("matches a ref exactly, or all that begin with it before a *", () => {
    const of = (ref: string) => rule({ claims: { ...rule().claims, ref } });
    expect(trusts(of("refs/heads/main"), job()).ok).toBe(true);
    expect(trusts(of("refs/heads/ma"), job()).ok).toBe(false);
    expect(trusts(of("refs/tags/*"), job({ ref: "refs/tags/v1.0.0" })).ok).toBe(true);
    expect(trusts(of("refs/tags/*"), job()).ok).toBe(false);
  });
  test("refuses a job of another system", () => {
    expect(trusts(rule(), { ...job(), type: "gitlab" }).ok).toBe(false);
  });
});

test("a rule for GitLab trusts the configuration file of its project", () => {
  const gitlab = rule({
    type: "gitlab",
    claims: { project_path: "acme/tools/wire", ci_config_ref_uri: { file: ".gitlab-ci.yml" } },
  });
  const of = (uri: string): Workload => ({
    ...job(),
    type: "gitlab",
    claims: { project_path: "acme/tools/wire", ci_config_ref_uri: uri },
  });
  expect(trusts(gitlab, of("gitlab.com/acme/tools/wire//.gitlab-ci.yml@refs/heads/main")).ok).toBe(true);
  expect(trusts(gitlab, of("gitlab.com/evil/wire//.gitlab-ci.yml@refs/heads/main")).ok).toBe(false);
});

test("a rule for CircleCI needs every context that it names", () => {
  const claims = {
    "oidc.circleci.com/org-id": "a",
    "oidc.circleci.com/project-id": "b",
    "oidc.circleci.com/pipeline-definition-id": "c",
  };
  const circle = rule({ type: "circleci", claims: { ...claims, "oidc.circleci.com/context-ids": ["x", "y"] } });
  const of = (contexts: string[]): Workload => ({
    ...job(),
    type: "circleci",
    claims: { ...claims, "oidc.circleci.com/context-ids": contexts },
  });
  expect(trusts(circle, of(["y", "z", "x"])).ok).toBe(true);
  expect(trusts(circle, of(["x"])).ok).toBe(false);
});

test.each([
  ["github", { repository: "acme/wire" }, "workflow_ref"],
  ["github", { repository: "wire", workflow_ref: { file: "release.yml" } }, "acme/wire"],
  ["gitlab", { project_path: "acme/wire" }, "ci_config_ref_uri"],
  ["circleci", { "oidc.circleci.com/org-id": "a" }, "project-id"],
  ["oidc", { sub: "job" }, "issuer"],
] as const)("a rule for %s with %j is refused: it would trust too much", (type, claims, problem) => {
  expect(trustProblem({ type, claims: { ...claims } })).toContain(problem);
});

test("a job is named after its project, in characters that a log can hold", () => {
  expect(workloadName(job())).toBe("github:acme/wire");
  expect(workloadName({ ...job(), type: "oidc", claims: { sub: "a b\n<c>" } })).toBe("oidc:a-b-c-");
});
