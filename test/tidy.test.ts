/** Properties of the code itself: who imports whom, what is banned, how long things may get. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * What the modules of a folder may reach at run time, through however many hops. Type-only imports are free: they
 * are gone when the code runs. A composition root (`main.ts`) may import anything but itself being imported.
 */
const MAY_REACH: Record<string, { folders: string[]; packages: RegExp }> = {
  domain: { folders: ['domain'], packages: /^$/ },
  contracts: { folders: ['contracts', 'domain'], packages: /^(zod|currency-codes)$/ },
  eventlog: {
    folders: ['eventlog', 'contracts', 'domain'],
    packages: /^(zod|currency-codes|lru-cache|@nats-io\/.*|node:crypto)$/,
  },
  activities: {
    folders: ['activities', 'eventlog', 'contracts', 'domain'],
    packages: /^(zod|currency-codes|lru-cache|@nats-io\/.*|node:crypto|@temporalio\/(activity|common))$/,
  },
  workflows: { folders: ['workflows', 'domain'], packages: /^@temporalio\/(workflow|common)$/ },
  projector: {
    folders: ['projector', 'eventlog', 'contracts', 'domain'],
    packages: /^(zod|currency-codes|lru-cache|postgres|@nats-io\/.*|@electric-sql\/.*|node:.*)$/,
  },
  worker: {
    folders: ['worker', 'activities', 'workflows', 'eventlog', 'contracts', 'domain'],
    packages: /^(zod|currency-codes|lru-cache|@nats-io\/.*|@temporalio\/.*|node:.*)$/,
  },
  rails: {
    folders: ['rails', 'contracts', 'domain'],
    packages: /^(zod|currency-codes|hono|@hono\/node-server|node:.*)$/,
  },
  webhooks: {
    folders: ['webhooks', 'eventlog', 'contracts', 'domain'],
    packages: /^(zod|currency-codes|lru-cache|@nats-io\/.*|standardwebhooks|ipaddr\.js|node:.*)$/,
  },
  metrics: {
    folders: ['metrics', 'eventlog', 'contracts', 'domain'],
    packages: /^(prom-client|zod|currency-codes|lru-cache|@nats-io\/.*|node:.*)$/,
  },
  cli: {
    folders: ['cli', 'projector', 'webhooks', 'eventlog', 'contracts', 'domain'],
    packages: /^(zod|currency-codes|lru-cache|postgres|@nats-io\/.*|node:.*)$/,
  },
  examples: { folders: ['examples', 'contracts', 'domain'], packages: /.*/ },
};

/** The API is wired in `server.ts`; its routes know the log and the read model by their interfaces only. */
const API_WIRING = ['api/server.ts', 'api/readiness.ts'];
const API_MAY_REACH = {
  folders: ['api', 'contracts', 'domain'],
  files: [
    'workflows/attributes.ts',
    'projector/queries/read-store.ts',
    'projector/tables/database.ts',
    'eventlog/read/reader.ts',
    'rails/signature.ts',
  ],
};

const FILE_LINES_MAX = 400;

type Import = { specifier: string; typeOnly: boolean };

function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder)).flatMap((name) => {
    const path = join(folder, name);
    if (['node_modules', 'dist', '.data', '.cache', '.git'].includes(name)) return [];
    return statSync(join(ROOT, path)).isDirectory() ? filesBelow(path) : [path];
  });
}

const FILES = filesBelow('.');
const SOURCES = FILES.filter((file) => /\.(ts|mjs)$/.test(file));
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const isRoot = (file: string) => /(^|\/)main\.ts$/.test(file);

function importsOf(file: string): Import[] {
  const statement = /^(?:import|export)\s+(type\s)?([^'";]*?)from\s+'([^']+)'|^import\s+'([^']+)'/gm;
  return [...read(file).matchAll(statement)].map(([, type, names = '', from, bare]) => {
    const listed = /^\{([\s\S]*)\}\s*$/.exec(names.trim())?.[1]?.split(',');
    const allTypes = listed?.filter((n) => n.trim() !== '').every((n) => /^\s*type\s/.test(n)) ?? false;
    return { specifier: from ?? bare ?? '', typeOnly: type !== undefined || allTypes };
  });
}

/** Everything that a file reaches at run time: our own files, and packages. */
function reach(
  file: string,
  seen = new Set<string>(),
): { files: Set<string>; packages: Map<string, string> } {
  const packages = new Map<string, string>();
  const visit = (current: string) => {
    if (seen.has(current)) return;
    seen.add(current);
    for (const { specifier, typeOnly } of importsOf(current)) {
      if (typeOnly) continue;
      if (specifier.startsWith('.')) visit(relative(ROOT, resolve(ROOT, dirname(current), specifier)));
      else packages.set(specifier, current);
    }
  };
  visit(file);
  return { files: seen, packages };
}

describe('who imports whom', () => {
  test('every relative import names a file that is there', () => {
    for (const file of SOURCES) {
      for (const { specifier } of importsOf(file)) {
        if (!specifier.startsWith('.')) continue;
        expect(existsSync(resolve(ROOT, dirname(file), specifier)), `${file} imports ${specifier}`).toBe(
          true,
        );
      }
    }
  });

  for (const [folder, rule] of Object.entries(MAY_REACH)) {
    test(`${folder}/ reaches only ${rule.folders.join(', ')}`, () => {
      const modules = SOURCES.filter((file) => file.startsWith(`${folder}/`));
      expect(modules.length).toBeGreaterThan(0);
      for (const file of modules.filter((module) => !isRoot(module))) {
        const { files, packages } = reach(file);
        for (const reached of files) {
          expect(rule.folders, `${file} reaches ${reached}`).toContain(reached.split('/')[0]);
        }
        for (const [name, by] of packages)
          expect(name, `${file} reaches ${name} by ${by}`).toMatch(rule.packages);
      }
    });
  }

  test('api/ reaches neither activities nor workflow code nor what appends', () => {
    for (const file of SOURCES.filter((name) => name.startsWith('api/') && !isRoot(name))) {
      if (API_WIRING.includes(file)) continue;
      for (const reached of reach(file).files) {
        const allowed =
          API_MAY_REACH.folders.includes(reached.split('/')[0] ?? '') ||
          API_MAY_REACH.files.includes(reached) ||
          ['eventlog/append/batch.ts', 'eventlog/wire/codec.ts', 'projector/queries/cursor.ts'].includes(
            reached,
          );
        expect(allowed, `${file} reaches ${reached}`).toBe(true);
      }
    }
  });

  test('nobody imports a composition root, and only composition roots read the configuration', () => {
    for (const file of SOURCES) {
      if (file.startsWith('test/')) continue;
      for (const { specifier } of importsOf(file)) {
        if (!specifier.startsWith('.')) continue;
        const imported = relative(ROOT, resolve(ROOT, dirname(file), specifier));
        expect(isRoot(imported), `${file} imports ${imported}`).toBe(false);
        if (imported === 'runtime/config.ts') {
          const allowed = isRoot(file) || file.startsWith('dev/');
          expect(allowed, `${file} imports runtime/config.ts`).toBe(true);
        }
      }
    }
  });
});

describe('what is banned', () => {
  /** Where, what, and what to do instead. */
  const BANS: { where: RegExp; what: RegExp; instead: string; except?: RegExp }[] = [
    {
      where: /^(domain|workflows)\//,
      what: /\bDate\.now\(|\bnew Date\(|\bMath\.random\(|\bprocess\.|\brandomUUID\(/,
      instead: 'time, chance and the environment come in from outside',
    },
    {
      where: /^(domain|contracts|eventlog|projector)\//,
      what: /\bparseFloat\(|\.toFixed\(/,
      instead: 'money is bigint inside and a decimal string outside',
    },
    {
      where: /^(domain|contracts|eventlog|activities|workflows|worker|projector|webhooks|api|cli|examples)\//,
      what: /['"`](ledger|append|receipt|position|writer|webhook)\.\$\{|['"`](LEDGER|WRITERS)_/,
      // The programs in docs/subscribing.md are for others to copy, who have no such file.
      except: /^contracts\/(subjects|events)\.ts$|^examples\/subscribing\//,
      instead: 'build subjects and stream names with contracts/subjects.ts',
    },
    { where: /\.ts$/, what: /^export default/m, instead: 'export by name', except: /^vitest\.config\.ts$/ },
    {
      where: /\.(ts|md)$/,
      what: /\b(TODO|FIXME|XXX)\b/,
      instead: 'do it, or write an issue',
      except: /tidy\.test/,
    },
    {
      where: /^test\//,
      what: /\b(test|it|describe)\.(skip|only|todo)\b|\bvi\.mock\(/,
      instead: 'a test runs, against the real thing',
      except: /tidy\.test/,
    },
  ];
  test.each(BANS)('$instead', ({ where, what, instead, except }) => {
    for (const file of FILES.filter((name) => where.test(name) && !except?.test(name))) {
      expect(read(file).match(what)?.[0], `${file}: ${instead}`).toBeUndefined();
    }
  });
});

describe('how things look', () => {
  test(`no source file is longer than ${FILE_LINES_MAX} lines`, () => {
    for (const file of SOURCES) {
      expect(read(file).split('\n').length, file).toBeLessThanOrEqual(FILE_LINES_MAX);
    }
  });

  test('source files are named in kebab-case', () => {
    for (const file of SOURCES) {
      const name = file.split('/').at(-1) ?? '';
      expect(name, file).toMatch(
        /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|(int|pg|e2e|stress)\.test|config))?\.(ts|mjs)$/,
      );
    }
  });

  test('every document has one first heading', () => {
    for (const file of FILES.filter((name) => name.endsWith('.md') && !name.startsWith('bench/results'))) {
      const prose = read(file).replace(/^```[\s\S]*?^```/gm, '');
      expect(prose.match(/^# /gm), file).toHaveLength(1);
    }
  });

  test('every link in a document leads to a file that is there', () => {
    for (const file of FILES.filter((name) => name.endsWith('.md'))) {
      for (const [, target = ''] of read(file).matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)) {
        expect(existsSync(resolve(ROOT, dirname(file), target)), `${file} links to ${target}`).toBe(true);
      }
    }
  });
});
