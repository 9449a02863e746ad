/**
 * How old something is, in milliseconds. What is from the future is infinitely old: the clock was set back since, so its age is not
 * known, and what depends on a short age must not last until the clock is there again.
 *
 * @example const isFresh = ageOf(fetched, clock.now()) < FRESH_MS
 */
export function ageOf(at: number, now: Date): number {
  const age = now.getTime() - at;
  return age < 0 ? Number.POSITIVE_INFINITY : age;
}
