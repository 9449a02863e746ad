import { clientTests } from "./suite.ts";

clientTests("pnpm 9", "pnpm 10", "pnpm 11");
