import { clientTests } from "./suite.ts";

clientTests("yarn 1", "yarn 4", "bun", "deno");
