/// <reference path="./.sst/platform/config.d.ts" />

/** The registry on AWS. `stacks/` defines its resources, docs/deploy.md describes how to deploy it. */
export default $config({
  app(input) {
    const production = input.stage === "production";
    return { name: "codebox", home: "aws", removal: production ? "retain" : "remove", protect: production };
  },
  async run() {
    const { settingsOf } = await import("./stacks/settings.ts");
    const { registry } = await import("./stacks/registry.ts");
    return registry(settingsOf($app.stage, process.env));
  },
});
