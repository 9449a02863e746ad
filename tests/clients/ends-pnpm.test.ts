import { clientTests } from "./suite.ts";

clientTests("pnpm 8", "pnpm 12");
