// The times here are those of changes, rules and documents; none is the present one.
// oxlint-disable no-restricted-globals

/** Milliseconds since 1970 of an ISO 8601 time; NaN when it is none. */
export function millisecondsOf(time: string): number {
  return new Date(time).getTime();
}

/** @example isoOf(0) // "1970-01-01T00:00:00.000Z" */
export function isoOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** Minutes since Sunday, 00:00 UTC, at an ISO 8601 time. */
export function weekMinuteOf(time: string): number {
  const date = new Date(time);
  return (date.getUTCDay() * 24 + date.getUTCHours()) * 60 + date.getUTCMinutes();
}
