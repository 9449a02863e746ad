import type { Area } from "../support/area.ts";
import { bodies } from "./bodies.ts";
import { headers } from "./headers.ts";
import { paths } from "./paths.ts";
import { messages } from "./messages.ts";
import { publishes } from "./publishes.ts";
import { tarballs } from "./tarballs.ts";
import { upstream } from "./upstream.ts";

export const AREAS: readonly Area[] = [paths, headers, bodies, tarballs, upstream, messages, publishes];
