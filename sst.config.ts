/// <reference path="./.sst/platform/config.d.ts" />

/** The registry on AWS. `stacks/` defines its resources, docs/deploy.md describes how to deploy it. */
export default $config({
  app(input) {
    // The same rule as in stacks/settings.ts, which refuses what contradicts it.
    const trial = process.env["CODEBOX_TRIAL"] === "true" && input.stage !== "production";
    return { name: "codebox", home: "aws", removal: trial ? "remove" : "retain", protect: !trial };
  },
  async run() {
    const { settingsOf } = await import("./stacks/settings.ts");
    const { registry } = await import("./stacks/registry.ts");
    const settings = settingsOf($app.stage, process.env);
    if ($dev && !settings.trial)
      throw new Error(
        `"sst dev" would replace the functions of "${$app.stage}" with those on this machine; it runs only in a stage with CODEBOX_TRIAL=true`,
      );
    return registry(settings);
  },
});
