/** Reads docker-compose.yml the way Compose does: merge keys first, then variables. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const service = z.looseObject({
  image: z.string(),
  command: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: z
    .looseObject({ test: z.array(z.string()).default([]), disable: z.boolean().default(false) })
    .optional(),
  restart: z.string().default('no'),
  stop_grace_period: z.string().default('10s'),
});

const file = z.looseObject({
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.unknown()),
});

export type Service = z.infer<typeof service>;

const text = readFileSync(`${ROOT}docker-compose.yml`, 'utf8');

/** `$$`, `${NAME:-default}`, and anything else that starts with a dollar, which this project does not use. */
const SUBSTITUTION = /\$(?:(\$)|\{([A-Z_]+):-([^}]*)\}|.?)/g;

/** What Compose runs when it is started with these variables, as it is written. */
export function composeFile(env: Readonly<Record<string, string>> = {}): unknown {
  return interpolate(parse(text, { merge: true }), env);
}

/** The services and volumes of the same, in the one form in which this project writes them. */
export function composeServices(env: Readonly<Record<string, string>> = {}): z.infer<typeof file> {
  return file.parse(composeFile(env));
}

/** Each variable that whoever runs Compose may set, with its default. */
export function composeVariables(): readonly (readonly [name: string, fallback: string])[] {
  const found = [...text.matchAll(SUBSTITUTION)].flatMap(([, , name, fallback]) =>
    name === undefined ? [] : [[name, fallback ?? ''] as const],
  );
  return [...new Map(found.map((variable) => [variable.join('='), variable])).values()];
}

function interpolate(node: unknown, env: Readonly<Record<string, string>>): unknown {
  if (typeof node === 'string') return substitute(node, env);
  if (Array.isArray(node)) return node.map((item) => interpolate(item, env));
  if (typeof node === 'object' && node !== null) {
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, interpolate(value, env)]));
  }
  return node;
}

function substitute(value: string, env: Readonly<Record<string, string>>): string {
  return value.replaceAll(SUBSTITUTION, (...[whole, dollar, name, fallback]: (string | undefined)[]) => {
    if (dollar !== undefined) return dollar;
    if (name === undefined) throw new Error(`"${whole}" in "${value}": write \${NAME:-default}`);
    // `:-` takes the default for an empty variable too.
    return env[name] || (fallback ?? '');
  });
}
