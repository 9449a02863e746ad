import { expect, test } from "vitest";
import type { ChangeEvent, EventLog, Outcome, Outcomes } from "@codebox/core";

/** An event as the consumer makes it. */
export const eventOf = (id: string, sequence: number, name = "wire"): ChangeEvent => ({
  schema: 1,
  id,
  name,
  sequence,
  revision: sequence,
  type: "tag.put",
  at: "2026-01-01T00:00:00.000Z",
  actor: { name: "alice" },
  data: { name, "dist-tags": { latest: "1.0.0" } },
});

/** `taken` returns all events that subscribers got so far. */
export function eventLogContract(
  open: () => Promise<AsyncDisposable & { readonly events: EventLog; readonly taken: () => Promise<ChangeEvent[]> }>,
): void {
  test("published events are taken in order, with all their fields", async () => {
    await using fixture = await open();
    await fixture.events.publish([eventOf("a", 1), eventOf("b", 2)]);
    await fixture.events.publish([eventOf("c", 3)]);
    expect(await fixture.taken()).toEqual([eventOf("a", 1), eventOf("b", 2), eventOf("c", 3)]);
  });
  test("an event that is published again is recognisable by its id", async () => {
    await using fixture = await open();
    await fixture.events.publish([eventOf("a", 1)]);
    await fixture.events.publish([eventOf("a", 1), eventOf("b", 2)]);
    const taken = await fixture.taken();
    expect([...new Map(taken.map((event) => [event.id, event])).values()]).toEqual([eventOf("a", 1), eventOf("b", 2)]);
  });
}

const rejected = (id: string): Outcome => ({
  state: "rejected",
  id,
  name: "wire",
  rejection: { code: "not_found", message: "gone" },
});

export function outcomesContract(open: () => Promise<AsyncDisposable & { readonly outcomes: Outcomes }>): void {
  test("a waiter gets the outcome", async () => {
    await using fixture = await open();
    const waiting = fixture.outcomes.wait({ id: "a", name: "wire" }, 60_000);
    await fixture.outcomes.record([rejected("a")]);
    expect(await waiting).toEqual(rejected("a"));
  });
  test("a waiter that begins afterwards gets it too", async () => {
    await using fixture = await open();
    await fixture.outcomes.record([rejected("a")]);
    expect(await fixture.outcomes.wait({ id: "a", name: "wire" }, 60_000)).toEqual(rejected("a"));
  });
  test("two waiters for one change both get it", async () => {
    await using fixture = await open();
    const waiting = [1, 2].map(() => fixture.outcomes.wait({ id: "a", name: "wire" }, 60_000));
    await fixture.outcomes.record([rejected("a")]);
    expect(await Promise.all(waiting)).toEqual([rejected("a"), rejected("a")]);
  });
  test("waiting ends without an outcome when its time is over", async () => {
    await using fixture = await open();
    expect(await fixture.outcomes.wait({ id: "a", name: "wire" }, 1)).toBeUndefined();
  });
  test("a remembered change is pending until its outcome is known", async () => {
    await using fixture = await open();
    await fixture.outcomes.remember({ id: "a", name: "wire" });
    expect(await fixture.outcomes.find("a")).toEqual({ state: "pending", id: "a", name: "wire" });
    await fixture.outcomes.record([rejected("a")]);
    expect(await fixture.outcomes.find("a")).toEqual(rejected("a"));
  });
  test("a change that is remembered late keeps its outcome", async () => {
    await using fixture = await open();
    await fixture.outcomes.record([rejected("a")]);
    await fixture.outcomes.remember({ id: "a", name: "wire" });
    expect(await fixture.outcomes.find("a")).toEqual(rejected("a"));
  });
  test("an unknown id is unknown", async () => {
    await using fixture = await open();
    expect(await fixture.outcomes.find("nobody")).toBeUndefined();
  });
}
