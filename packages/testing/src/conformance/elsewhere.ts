/** The rules that cannot be checked over a URL: the test file that covers each, and why it is not in the suite. */
export const ELSEWHERE: Readonly<Record<string, { readonly file: string; readonly why: string }>> = {
  "CHG-3": { file: "tests/simulation/kill.test.ts", why: "needs a registry that is killed" },
  "CHG-7": { file: "packages/api/test/retry.test.ts", why: "needs a registry that fails" },
  "CHG-16": { file: "packages/core/test/write/submit.test.ts", why: "needs a change that the consumer rejects" },
  "ERR-5": { file: "packages/api/test/retry.test.ts", why: "needs a store that cannot be reached" },
  "UPS-2": { file: "packages/api/test/read.test.ts", why: "needs an upstream that fails" },
  "UPS-4": { file: "packages/core/test/read/upstream-cache.test.ts", why: "only the upstream sees it" },
  "UPS-5": { file: "packages/core/test/read/upstream-cache.test.ts", why: "only the upstream sees it" },
  "PUB-3": { file: "packages/api/test/amend.test.ts", why: "needs a writer between the copy and the inspection" },
  "TAR-4": { file: "packages/api/test/tarball.test.ts", why: "takes a tarball over 40 MiB that unpacks to 4 GiB" },
  "EVT-10": { file: "packages/sqlite/test/durability.test.ts", why: "is a file of the registry's machine" },
  "EVT-11": { file: "tests/aws/adapters.test.ts", why: "needs the account's SNS topic" },
  "MSG-1": { file: "tests/aws/npm.test.ts", why: "needs the account's intake topic" },
  "MSG-2": { file: "tests/aws/python.test.ts", why: "is about the sender" },
  "MSG-3": { file: "packages/functions/test/consume.test.ts", why: "needs the account's queues" },
  "RTE-6": { file: "packages/core/test/read/upstream-cache.test.ts", why: "only the upstream sees it" },
};
