import { inject } from "vitest";
import type { Variant } from "./synthesise.ts";

type Inputs = Readonly<Record<string, unknown>>;
export type Resource = {
  readonly type: string;
  readonly name: string;
  readonly inputs: Inputs;
  /** It is there already and is only looked up. */
  readonly adopted: boolean;
  /** Stays when the stack is removed. */
  readonly retained: boolean;
  /** Cannot be removed but by lifting this first. */
  readonly protected: boolean;
};
export type Synthesis = {
  readonly app: { readonly removal?: string; readonly protect?: boolean };
  readonly resources: readonly Resource[];
  /** What SST was asked to bundle: `packages/functions/src/entries/read.handler`. */
  readonly handlers: readonly string[];
  readonly outputs: Readonly<Record<string, unknown>>;
};

/** A statement of a policy, as `aws.iam.getPolicyDocument` takes it. */
export type Statement = {
  readonly effect?: string;
  readonly actions: readonly string[];
  readonly resources?: readonly string[];
  readonly principals?: readonly { readonly type: string; readonly identifiers: readonly string[] }[];
  readonly conditions?: readonly {
    readonly test: string;
    readonly variable: string;
    readonly values: readonly string[];
  }[];
};

/** What a deployment asks of AWS, by type (as `sqs/queue:Queue`) and name. */
export type Stack = {
  readonly app: Synthesis["app"];
  readonly outputs: Synthesis["outputs"];
  readonly handlers: Synthesis["handlers"];
  readonly resources: readonly Resource[];
  all(type: string): readonly Resource[];
  /** The one of a type whose name starts so. Throws when there is none, or several. */
  one(type: string, name?: string): Resource;
};

export function stackOf({ app, outputs, handlers, resources }: Synthesis): Stack {
  const all = (type: string) => resources.filter((resource) => resource.type === `aws:${type}`);
  return {
    app,
    outputs,
    handlers,
    resources,
    all,
    one(type, name = "") {
      const found = all(type).filter((resource) => resource.name.startsWith(name));
      const [first] = found;
      if (first !== undefined && found.length === 1) return first;
      throw new Error(
        `of the type ${type}, ${found.length} names start with "${name}": ${found.map((r) => r.name).join(", ")}`,
      );
    },
  };
}

export const stack = (variant: Variant): Stack => stackOf(inject("stacks")[variant]);

/** A policy's statements. Throws when there are none: an assertion on an empty policy holds of everything. */
export function statements(policy: unknown): readonly Statement[] {
  const { Statement: found } = JSON.parse(String(policy)) as { Statement?: readonly Statement[] };
  if (!found?.length) throw new Error("the policy has no statement");
  return found;
}

/** What a role's own policies allow. */
export function allowed(role: Resource): readonly Statement[] {
  const policies = role.inputs["inlinePolicies"] as readonly { readonly policy: string }[];
  return policies.flatMap(({ policy }) => statements(policy));
}
