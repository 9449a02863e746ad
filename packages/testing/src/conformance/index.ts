import { amendChecks } from "./checks/amend.ts";
import { archiveChecks } from "./checks/archives.ts";
import { changeChecks } from "./checks/changes.ts";
import { contractChecks } from "./checks/contract.ts";
import { distTagChecks } from "./checks/dist-tags.ts";
import { eventChecks } from "./checks/events.ts";
import { failureChecks } from "./checks/failures.ts";
import { historyChecks } from "./checks/history.ts";
import { identityChecks, tokenChecks } from "./checks/identity.ts";
import { listChecks } from "./checks/lists.ts";
import { nameChecks } from "./checks/names.ts";
import { otherRouteChecks } from "./checks/other-routes.ts";
import { packumentChecks } from "./checks/packuments.ts";
import { userChecks } from "./checks/users.ts";
import { profileChecks } from "./checks/profile.ts";
import { publishChecks } from "./checks/publish.ts";
import { repeatChecks } from "./checks/repeats.ts";
import { ruleChecks } from "./checks/rules.ts";
import { rightsChecks } from "./checks/rights.ts";
import { tarballChecks } from "./checks/tarballs.ts";
import { tokenLimitChecks } from "./checks/token-limits.ts";
import { trustChecks } from "./checks/trust.ts";
import type { Check } from "./check.ts";

export { runCheck, type Check, type Result } from "./check.ts";
export { COVERED_ELSEWHERE } from "./covered.ts";
export { protocolRules, type Rule } from "./protocol.ts";
export { createRegistry, type Registry, type Target } from "./registry.ts";

/** Every check of PROTOCOL.md that a URL and a token allow, in the order of its sections. */
export const CHECKS: readonly Check[] = [
  nameChecks, changeChecks, repeatChecks, failureChecks, distTagChecks, historyChecks, ruleChecks, packumentChecks, tarballChecks,
  publishChecks, archiveChecks, amendChecks, identityChecks, tokenChecks, tokenLimitChecks, profileChecks, userChecks, eventChecks,
  otherRouteChecks, listChecks, rightsChecks, trustChecks, contractChecks,
].flat(); // prettier-ignore
