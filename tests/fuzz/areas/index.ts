import type { Area } from "../support/area.ts";
import { bodies } from "./bodies.ts";
import { headers } from "./headers.ts";
import { paths } from "./paths.ts";
import { tarballs } from "./tarballs.ts";

export const AREAS: readonly Area[] = [paths, headers, bodies, tarballs];
