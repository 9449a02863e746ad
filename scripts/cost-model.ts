import { z } from "zod";

/**
 * What a million operations cost on AWS: request counts multiplied by prices. The counts follow from the design; the prices are inputs.
 *
 * The counts apply to an operation that succeeds at the first attempt. They do not include retries, write conflicts and cold starts.
 */
export const Inputs = z.object({
  note: z.string(),
  /** In US dollars, as AWS publishes them for a region. */
  prices: z.strictObject({
    httpApiPerMillion: z.number(),
    restApiPerMillion: z.number(),
    lambdaPerMillion: z.number(),
    lambdaArmGbSecond: z.number(),
    lambdaX86GbSecond: z.number(),
    sqsFifoPerMillion: z.number(),
    snsPerMillion: z.number(),
    s3WritePerThousand: z.number(),
    s3ReadPerThousand: z.number(),
    s3GbMonth: z.number(),
    transferOutGb: z.number(),
    logGb: z.number(),
  }),
  /** Assumptions about the traffic and the functions. Replace them with the values of the dashboard. */
  measures: z.strictObject({
    /** How many changes of a package one consumer invocation applies. 1 costs most; 10 is the maximum. */
    changesPerBatch: z.number().min(1).max(10),
    /** How often a waiting request polls for the outcome. Each poll is one GET. */
    looksPerWait: z.number(),
    /** Milliseconds from sending a change to its outcome. The write function waits this long. */
    waitMs: z.number(),
    readMs: z.number(),
    writeMs: z.number(),
    publishMs: z.number(),
    consumerMs: z.number(),
    readMb: z.number(),
    writeMb: z.number(),
    consumerMb: z.number(),
    oldMs: z.number(),
    oldTarballMs: z.number(),
    oldMb: z.number(),
    tarballMb: z.number(),
    packumentKb: z.number(),
    logKbPerInvocation: z.number(),
    /** Long polls that Lambda keeps open on a quiet queue. */
    idlePollers: z.number(),
  }),
});
export type Inputs = z.infer<typeof Inputs>;

/** The AWS requests and resources of one operation. */
export type Counts = {
  readonly httpApi?: number;
  readonly restApi?: number;
  readonly invocations: number;
  readonly armGbSeconds?: number;
  readonly x86GbSeconds?: number;
  /** Requests to SQS: the send, and the consumer's receive and delete. A batch shares the last two. */
  readonly sqs?: number;
  readonly sns?: number;
  /** PUT, COPY, POST and LIST. */
  readonly s3Writes: number;
  /** GET and HEAD. Deletes cost nothing. */
  readonly s3Reads: number;
  /** Gigabytes of former versions that the operation leaves for thirty days. A shorter time counts proportionally less. */
  readonly gbKept?: number;
  readonly gbOut: number;
};

export type Operation = { readonly name: string; readonly ours: Counts; readonly old?: Counts };

const KB = 1 / (1024 * 1024);
const MB = 1 / 1024;
/** A larger upload to S3 is split into parts of this size. `packages/aws/src/s3-object-store.ts` */
const PART_MB = 8;
/** How long a staged tarball is kept after it is deleted: one day, counted from the next midnight. `stacks/storage.ts` */
const STAGED_DAYS = 2;
/** Size of a response with a package's tags. */
const TAGS_KB = 0.5;

/** One change's share of the consumer's work. A batch of `changesPerBatch` costs one GET, one conditional PUT and one SNS batch. */
function consumed({ measures: m }: Inputs) {
  const share = 1 / m.changesPerBatch;
  return {
    invocations: share,
    gbSeconds: share * gbSeconds(m.consumerMs, m.consumerMb),
    // One receive and one delete for each batch.
    sqs: 2 * share,
    sns: share,
    s3Writes: share,
    s3Reads: share,
  };
}

/** A PUT of a tag that waits for its outcome: authenticate, validate, send, wait; and the consumer. */
function tagPut(inputs: Inputs): Counts {
  const { measures: m } = inputs;
  const consumer = consumed(inputs);
  return {
    httpApi: 1,
    invocations: 1 + consumer.invocations,
    armGbSeconds: gbSeconds(m.writeMs + m.waitMs, m.writeMb) + consumer.gbSeconds,
    sqs: 1 + consumer.sqs,
    sns: consumer.sns,
    s3Writes: consumer.s3Writes,
    // The token, the packument, the polls for the outcome.
    s3Reads: 2 + m.looksPerWait + consumer.s3Reads,
    gbKept: consumer.s3Writes * m.packumentKb * KB,
    gbOut: TAGS_KB * KB,
  };
}

/** `npm dist-tag add` reads the tags before it sends one. */
function tagChange(inputs: Inputs): Counts {
  return both({ ...packument(inputs), gbOut: TAGS_KB * KB }, tagPut(inputs));
}

/** A publish: npm reads the packument first; the tarball is staged, then copied to its final key. */
function publish(inputs: Inputs): Counts {
  const { measures: m } = inputs;
  const parts = m.tarballMb > PART_MB ? Math.ceil(m.tarballMb / PART_MB) + 2 : 1;
  const more: Counts = {
    invocations: 0,
    armGbSeconds: gbSeconds(m.publishMs, m.writeMb),
    // The tarball is staged and copied.
    s3Writes: parts + 1,
    // The packument three times more: for the caller's rights, before the tarball is accepted, and after it is staged.
    // And the outcome of the id, which npm's session determines.
    s3Reads: 4,
    gbKept: (m.tarballMb * MB * STAGED_DAYS) / 30,
    gbOut: 0,
  };
  return both(packument(inputs), both(tagPut(inputs), more));
}

/** A packument, or its tags: the token and the document. S3 returns 304 for a document that the instance has in its cache. */
function packument({ measures: m }: Inputs): Counts {
  return {
    httpApi: 1,
    invocations: 1,
    armGbSeconds: gbSeconds(m.readMs, m.readMb),
    s3Writes: 0,
    s3Reads: 2,
    gbOut: m.packumentKb * KB,
  };
}

/** A package of which nothing is cached: its packument, the redirect, and the tarball directly from S3. */
function install(inputs: Inputs): Counts {
  const { measures: m } = inputs;
  const read = packument(inputs);
  return {
    httpApi: 2,
    invocations: 2,
    armGbSeconds: 2 * gbSeconds(m.readMs, m.readMb),
    s3Writes: 0,
    s3Reads: 2 * read.s3Reads + 1,
    gbOut: read.gbOut + m.tarballMb * MB,
  };
}

type OldRequest = {
  readonly requests: number;
  /** Whether one of the requests carries the tarball, which then passes through the function. */
  readonly tarball: boolean;
  readonly s3Writes: number;
  readonly s3Reads: number;
  readonly sns: number;
  readonly gbOut: number;
};

/**
 * The predecessor: one Lambda invocation for each request behind a REST API, and an unconditional GET and PUT of index.json. For each
 * request it also asked GitHub for the user's identity. That costs time but no AWS request, and is not counted.
 */
function old({ measures: m }: Inputs, { requests, tarball, ...counts }: OldRequest): Counts {
  const ms = tarball ? (requests - 1) * m.oldMs + m.oldTarballMs : requests * m.oldMs;
  return { restApi: requests, invocations: requests, x86GbSeconds: gbSeconds(ms, m.oldMb), ...counts };
}

export function operations(inputs: Inputs): readonly Operation[] {
  const { measures: m } = inputs;
  const document = m.packumentKb * KB;
  return [
    {
      name: "tag change",
      ours: tagChange(inputs),
      old: old(inputs, { requests: 2, tarball: false, s3Writes: 1, s3Reads: 2, sns: 1, gbOut: 2 * TAGS_KB * KB }),
    },
    { name: "tag change, ten a batch", ours: tagChange({ ...inputs, measures: { ...m, changesPerBatch: 10 } }) },
    { name: "tag change, bare PUT", ours: tagPut(inputs) },
    {
      name: "publish",
      ours: publish(inputs),
      old: old(inputs, { requests: 2, tarball: true, s3Writes: 2, s3Reads: 2, sns: 1, gbOut: document }),
    },
    {
      name: "install of a package",
      ours: install(inputs),
      old: old(inputs, {
        requests: 2,
        tarball: true,
        s3Writes: 0,
        s3Reads: 2,
        sns: 0,
        gbOut: document + m.tarballMb * MB,
      }),
    },
  ];
}

function both(one: Counts, other: Counts): Counts {
  return {
    httpApi: sum(one.httpApi, other.httpApi),
    invocations: one.invocations + other.invocations,
    armGbSeconds: sum(one.armGbSeconds, other.armGbSeconds),
    sqs: sum(one.sqs, other.sqs),
    sns: sum(one.sns, other.sns),
    s3Writes: one.s3Writes + other.s3Writes,
    s3Reads: one.s3Reads + other.s3Reads,
    gbKept: sum(one.gbKept, other.gbKept),
    gbOut: one.gbOut + other.gbOut,
  };
}

const gbSeconds = (milliseconds: number, megabytes: number) => (milliseconds / 1000) * (megabytes / 1024);
const sum = (...numbers: readonly (number | undefined)[]) => numbers.reduce<number>((total, n) => total + (n ?? 0), 0);

/** Dollars for a million operations, by item. */
export function costOf(counts: Counts, { prices: p, measures: m }: Inputs) {
  const million = 1_000_000;
  return {
    "API Gateway": (counts.httpApi ?? 0) * p.httpApiPerMillion + (counts.restApi ?? 0) * p.restApiPerMillion,
    "Lambda requests": counts.invocations * p.lambdaPerMillion,
    "Lambda time":
      million * ((counts.armGbSeconds ?? 0) * p.lambdaArmGbSecond + (counts.x86GbSeconds ?? 0) * p.lambdaX86GbSecond),
    SQS: (counts.sqs ?? 0) * p.sqsFifoPerMillion,
    SNS: (counts.sns ?? 0) * p.snsPerMillion,
    "S3 writes": counts.s3Writes * 1000 * p.s3WritePerThousand,
    "S3 reads": counts.s3Reads * 1000 * p.s3ReadPerThousand,
    "former versions": (counts.gbKept ?? 0) * million * p.s3GbMonth,
    logs: counts.invocations * million * m.logKbPerInvocation * KB * p.logGb,
    "transfer out": counts.gbOut * million * p.transferOutGb,
  } as const;
}

/** Dollars a month for a registry that nobody uses: Lambda's long polls on the two queues, each at most 20 s. */
export function idleCost({ prices, measures }: Inputs): number {
  const pollsAMonth = (30 * 24 * 60 * 60) / 20;
  return (2 * measures.idlePollers * pollsAMonth * prices.sqsFifoPerMillion) / 1_000_000;
}

/** The two tables of docs/cost.md, and the cost of an idle month. @throws ZodError if the inputs have another shape. */
export function costTables(given: unknown): string {
  const inputs = Inputs.parse(given);
  const columns = operations(inputs).flatMap(({ name, ours, old: former }) => [
    { title: name, counts: ours, cost: costOf(ours, inputs) },
    ...(former ? [{ title: `${name}, old`, counts: former, cost: costOf(former, inputs) }] : []),
  ]);
  const head = (first: string) => [first, ...columns.map(({ title }) => title)];
  const countRows: readonly (readonly [string, (counts: Counts) => number])[] = [
    ["API requests", (c) => sum(c.httpApi, c.restApi)],
    ["Lambda invocations", (c) => c.invocations],
    ["Lambda GB-seconds", (c) => sum(c.armGbSeconds, c.x86GbSeconds)],
    ["SQS requests", (c) => c.sqs ?? 0],
    ["SNS requests", (c) => c.sns ?? 0],
    ["S3 PUT, COPY, POST", (c) => c.s3Writes],
    ["S3 GET, HEAD", (c) => c.s3Reads],
    ["MB kept for 30 days", (c) => (c.gbKept ?? 0) * 1024],
    ["MB out", (c) => c.gbOut * 1024],
  ];
  const counts = countRows.map(([title, of]) => [title, ...columns.map((column) => rounded(of(column.counts)))]);
  const items = Object.keys(columns[0]?.cost ?? {}) as (keyof ReturnType<typeof costOf>)[];
  const dollars = items.map((item) => [item, ...columns.map(({ cost }) => cost[item].toFixed(2))]);
  const total = (leftOut: readonly string[]) =>
    columns.map(({ cost }) => {
      const counted = items.filter((item) => !leftOut.includes(item));
      return `**${sum(...counted.map((item) => cost[item])).toFixed(2)}**`;
    });
  return [
    "### Requests of one operation",
    table([head("per operation"), ...counts]),
    "### US dollars for a million",
    table([
      head("per million"),
      ...dollars,
      ["**all but transfer**", ...total(["transfer out"])],
      ["**all**", ...total([])],
    ]),
    `A month without any traffic: ${idleCost(inputs).toFixed(2)} dollars of SQS requests.`,
  ].join("\n\n");
}

const rounded = (value: number) => String(Number(value.toPrecision(3)));

function table([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? "---" : "--:"))), ...rows.map(line)].join("\n");
}
