#!/usr/bin/env node
// Plain JavaScript that every Node can read: an older one gets a sentence instead of a syntax error.
import process from "node:process";

const NEEDED = 24;

if (Number.parseInt(process.versions.node, 10) < NEEDED) {
  process.stderr.write(
    `codebox needs Node ${NEEDED} or newer; this is Node ${process.versions.node} (${process.execPath}). ` +
      'Inside the repository, after "npm ci", "npx codebox" finds the Node that the project brings; elsewhere install a newer one.\n',
  );
  process.exitCode = 2;
} else await import("../src/main.ts");
