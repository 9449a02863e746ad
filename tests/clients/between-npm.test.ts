import { clientTests } from "./suite.ts";

clientTests("npm 7", "npm 8", "npm 9", "npm 10", "npm 11");
