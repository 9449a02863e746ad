import { clientTests } from "./suite.ts";

clientTests("npm 6", "npm 12");
