/** Properties of the code itself: who imports whom, what is banned, how long things may get. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { FREE, ROOMS, type Room } from './tidy-rooms.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const FILE_LINES_MAX = 400;
/** More in one folder are a heap: sub-folders say what they are. */
const FOLDER_FILES_MAX = 16;

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

/** Packages as they are named in the rules, where `*` stands for anything. */
function isAllowed(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  );
}

/** The rule for a file: by its own name, its folder's, or that of a folder above it. */
function roomOf(file: string): { name: string; room: Room } | undefined {
  const names = [file, dirname(file)];
  for (let folder = dirname(file); folder !== '.'; folder = dirname(folder)) names.push(`${folder}/`);
  const name = names.find((each) => each in ROOMS);
  const room = name === undefined ? undefined : ROOMS[name];
  return name === undefined || room === undefined ? undefined : { name, room };
}

function isIn(file: string, entries: readonly string[]): boolean {
  return entries.some((entry) =>
    entry.endsWith('/') ? file.startsWith(entry) : file === entry || dirname(file) === entry,
  );
}

/** Our own files that a file imports. */
function ownImports(file: string): { imported: string; typeOnly: boolean }[] {
  return importsOf(file)
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ specifier, typeOnly }) => {
      return { imported: relative(ROOT, resolve(ROOT, dirname(file), specifier)), typeOnly };
    });
}

describe('who imports whom', () => {
  const PRODUCT = SOURCES.filter((file) => !FREE.test(file) && !isRoot(file) && file.endsWith('.ts'));

  test('every relative import names a file that is there', () => {
    for (const file of SOURCES) {
      for (const { imported } of ownImports(file)) {
        expect(existsSync(join(ROOT, imported)), `${file} imports ${imported}`).toBe(true);
      }
    }
  });

  test('every file of the product has a rule, and every rule a file', () => {
    for (const file of PRODUCT) expect(roomOf(file), `${file} has no rule in tidy-rooms.ts`).toBeDefined();
    const used = new Set(PRODUCT.map((file) => roomOf(file)?.name));
    for (const name of Object.keys(ROOMS)) expect(used, `the rule for ${name} is of no use`).toContain(name);
    for (const [name, { uses, types = [] }] of Object.entries(ROOMS)) {
      for (const entry of [...uses, ...types]) {
        expect(existsSync(join(ROOT, entry)), `${name} may use ${entry}, which is not there`).toBe(true);
      }
    }
  });

  test.each(Object.keys(ROOMS))('%s imports only what it may, types included', (name) => {
    for (const file of PRODUCT.filter((each) => roomOf(each)?.name === name)) {
      const { uses, types = [] } = ROOMS[name] as Room;
      for (const { imported, typeOnly } of ownImports(file)) {
        const same = dirname(imported) === dirname(file) || roomOf(imported)?.name === name;
        const allowed = same || isIn(imported, uses) || (typeOnly && isIn(imported, types));
        expect(allowed, `${file} imports ${typeOnly ? 'types of ' : ''}${imported}`).toBe(true);
      }
    }
  });

  test.each(Object.keys(ROOMS))('%s reaches only packages that it may', (name) => {
    for (const file of PRODUCT.filter((each) => roomOf(each)?.name === name)) {
      for (const [reached, by] of reach(file).packages) {
        expect(
          isAllowed(reached, (ROOMS[name] as Room).packages),
          `${file} reaches ${reached} by ${by}`,
        ).toBe(true);
      }
    }
  });

  test('only these can append to the log', () => {
    const appends = PRODUCT.filter((file) => reach(file).files.has('eventlog/append/batch.ts'));
    const rooms = new Set(appends.map((file) => (file.startsWith('api/') ? file : dirname(file))));
    expect([...rooms].toSorted()).toEqual([
      'api/server.ts',
      'bulks',
      'cli',
      'cli/archive',
      'cli/commands',
      'eventlog/append',
      'eventlog/writer',
      'worker',
    ]);
  });

  test('nobody imports a composition root, and only composition roots read the configuration', () => {
    for (const file of SOURCES.filter((each) => !each.startsWith('test/'))) {
      for (const { imported } of ownImports(file)) {
        expect(isRoot(imported), `${file} imports ${imported}`).toBe(false);
        const reads = imported === 'runtime/config.ts';
        expect(reads && !isRoot(file) && !file.startsWith('dev/'), `${file} imports ${imported}`).toBe(false);
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
    {
      where: /\.ts$/,
      what: /^\s+#\w+(<[^>]*>)?\([^\n]*\):[^\n{]*;$/m,
      instead: 'no overloads of private methods: Node 22.18 leaves half of them when it takes the types out',
    },
    { where: /\.ts$/, what: /^export default/m, instead: 'export by name', except: /^vitest\.config\.ts$/ },
    {
      where: /\.(ts|md)$/,
      what: /\b(TODO|FIXME|XXX)\b/,
      instead: 'do it, or write an issue',
      except: /tidy\.test/,
    },
    {
      where: /\.(ts|mjs|md|sql|yml|json|conf)$/,
      what: /^[<>]{7} /m,
      instead: 'a merge is finished before it is committed',
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
  test('no folder has more source files of its own than one takes in at a glance', () => {
    const folders = SOURCES.map((file) => dirname(file));
    for (const folder of new Set(folders)) {
      const count = folders.filter((each) => each === folder).length;
      expect(count, `${folder}/: sub-folders should say what is in it`).toBeLessThanOrEqual(FOLDER_FILES_MAX);
    }
  });

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
