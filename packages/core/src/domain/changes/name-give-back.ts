import type { Rejection } from "../outcome.ts";
import { exists, stateOf, type Packument } from "../packument.ts";
import { changeSchema, defineChange, Refusal } from "./shared/definition.ts";

/**
 * Why a name can't be given back to the upstream; `undefined` when it can.
 *
 * @example giveBackProblem("wire", undefined) // { code: "not_found", … }: nobody took the name here
 */
export function giveBackProblem(name: string, packument: Packument | undefined): Rejection | undefined {
  if (packument === undefined) return neverHere(name);
  if (exists(packument))
    return { code: "conflict", message: `"${name}" has versions here; unpublish all of them first` };
  return undefined;
}

function neverHere(name: string): Rejection {
  return { code: "not_found", message: `"${name}" was never published here, so the upstream has the name already` };
}

/**
 * Gives the name of a package without versions back to the upstream. The document stays, with its sequence and its owners. The next
 * publish takes the name again.
 */
export const nameGiveBack = defineChange({
  action: "owners",
  schema: changeSchema("name.give-back", {}),
  decide: (before, { name }) => {
    const problem = giveBackProblem(name, before);
    if (problem || before === undefined) return new Refusal(problem ?? neverHere(name));
    return { ...before, _codebox: { ...stateOf(before), givenBack: true } };
  },
  touches: () => ({}),
  eventData: () => ({ key: {} }),
  restore: () => ({ state: ["givenBack"] }),
});
