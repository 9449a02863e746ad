import { launch } from "./launch.mjs";

await launch(new URL("../../../dist/server/", import.meta.url));
