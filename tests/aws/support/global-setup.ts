import type { TestProject } from "vitest/node";
import { installMoto, startMoto } from "../../../scripts/moto.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Where moto listens. */
    readonly moto: string;
  }
}

/** One moto for the whole run; every test makes its own bucket, queues and topic in it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await installMoto();
  const moto = await startMoto();
  project.provide("moto", moto.endpoint);
  return () => moto.stop();
}
