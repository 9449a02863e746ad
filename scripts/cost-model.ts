import { z } from "zod";

/**
 * What a million operations cost on AWS: request counts that follow from the design, times prices that are inputs.
 *
 * The counts are those of an operation that succeeds at once. Retries, losing writes and cold starts come on top.
 */
export const Inputs = z.object({
  note: z.string(),
  /** US dollars, as AWS publishes them for a region. */
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
  /** Of the traffic, and of the functions: to be replaced by what the dashboard shows. */
  measures: z.strictObject({
    /** Changes of a package that one consumer invocation applies. 1 is the dearest, 10 the most. */
    changesPerBatch: z.number().min(1).max(10),
    /** Looks at the outcome that a waiting request takes, each one GET. */
    looksPerWait: z.number(),
    /** Milliseconds from sending a change to its outcome: the write function waits for so long. */
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

/** What one operation asks of AWS. */
export type Counts = {
  readonly httpApi?: number;
  readonly restApi?: number;
  readonly invocations: number;
  readonly armGbSeconds?: number;
  readonly x86GbSeconds?: number;
  /** Requests to SQS: send, and the consumer's receive and delete, which a batch shares. */
  readonly sqs?: number;
  readonly sns?: number;
  /** PUT, COPY, POST and LIST. */
  readonly s3Writes: number;
  /** GET and HEAD. Deletes cost nothing. */
  readonly s3Reads: number;
  /** Gigabytes of former versions that the operation leaves for thirty days; what is kept for fewer counts as less. */
  readonly gbKept?: number;
  readonly gbOut: number;
};

export type Operation = { readonly name: string; readonly ours: Counts; readonly old?: Counts };

const KB = 1 / (1024 * 1024);
const MB = 1 / 1024;
/** What a new S3 upload is cut into above this. `packages/aws/src/s3-object-store.ts` */
const PART_MB = 8;
/** For so long a staged tarball is kept once it is deleted: a day, counted from the next midnight. `stacks/storage.ts` */
const STAGED_DAYS = 2;
/** An answer with a package's tags. */
const TAGS_KB = 0.5;

/** The consumer's share of one change in a batch of `changesPerBatch`: one GET and one conditional PUT a batch, one SNS batch. */
function consumed({ measures: m }: Inputs) {
  const share = 1 / m.changesPerBatch;
  return {
    invocations: share,
    gbSeconds: share * gbSeconds(m.consumerMs, m.consumerMb),
    // Receive and delete, once a batch each.
    sqs: 2 * share,
    sns: share,
    s3Writes: share,
    s3Reads: share,
  };
}

/** An answered PUT of a tag: authenticate, validate, send, wait; then the consumer. */
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
    // The token, the packument, the looks at the outcome.
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
    // Staged, and copied.
    s3Writes: parts + 1,
    // The packument twice more: before the tarball is taken, and once it stands. And the outcome of the id, which npm chose.
    s3Reads: 3,
    gbKept: (m.tarballMb * MB * STAGED_DAYS) / 30,
    gbOut: 0,
  };
  return both(packument(inputs), both(tagPut(inputs), more));
}

/** A packument, or its tags: the token and the document, which S3 answers with 304 while an instance holds it. */
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

/** A package with nothing cached: its packument, the redirect, and the tarball straight from S3. */
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
  /** Whether one of them carries the tarball, which passes through the function. */
  readonly tarball: boolean;
  readonly s3Writes: number;
  readonly s3Reads: number;
  readonly sns: number;
  readonly gbOut: number;
};

/**
 * The predecessor: one Lambda a request behind a REST API; an unconditional GET and PUT of index.json. It asked GitHub who
 * somebody is at each request, which costs time and no AWS request; it is not counted, in its favour.
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

/** Dollars for a million of an operation, item by item. */
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

/** Dollars a month that the registry costs when nobody uses it: Lambda's long polls on the two queues, each at most 20 s. */
export function idleCost({ prices, measures }: Inputs): number {
  const pollsAMonth = (30 * 24 * 60 * 60) / 20;
  return (2 * measures.idlePollers * pollsAMonth * prices.sqsFifoPerMillion) / 1_000_000;
}

/** The two tables of docs/cost.md, and the cost of standing still. @throws ZodError for inputs of another shape. */
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
    `A month in which nothing happens: ${idleCost(inputs).toFixed(2)} dollars of SQS requests.`,
  ].join("\n\n");
}

const rounded = (value: number) => String(Number(value.toPrecision(3)));

function table([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? "---" : "--:"))), ...rows.map(line)].join("\n");
}
