/** Which files a part of Tallybook runs from, and word when one of them changes. */
import { existsSync, readdirSync, readFileSync, statSync, watch, type FSWatcher } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** An import with its types or without, one at run time, and a file or folder that a module reads itself. */
const REFERENCE = /\bfrom\s+'(\.[^']+)'|\bimport\s*\(?'(\.[^']+)'|new URL\('(\.[^']+)', import\.meta\.url\)/g;

/** Gives a program's files: its entries, and whatever these name by a relative path, from hop to hop. */
export function sourcesOf(entries: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (path: string) => {
    if (found.has(path) || !existsSync(path)) return;
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path)) found.add(join(path, name));
      return;
    }
    found.add(path);
    if (!/\.m?ts$|\.mjs$/.test(path)) return;
    for (const [, from, imported, read] of readFileSync(path, 'utf8').matchAll(REFERENCE)) {
      visit(resolve(dirname(path), from ?? imported ?? read ?? ''));
    }
  };
  for (const entry of entries) visit(resolve(entry));
  return found;
}

/**
 * Calls back for each change of a program's files, until it is told to stop. Folders are watched and not files, since
 * an editor puts a new file in the place of the old one.
 */
export function watchSources(entries: readonly string[], changed: (file: string) => void): () => void {
  const watchers = new Map<string, FSWatcher>();
  let sources: ReadonlySet<string> = new Set();
  const look = () => {
    sources = sourcesOf(entries);
    for (const folder of new Set([...sources].map((file) => dirname(file)))) {
      if (watchers.has(folder)) continue;
      const watcher = watch(folder, (_event, name) => name !== null && notice(join(folder, name)));
      // A folder that was removed is watched again when it is back.
      watcher.on('error', () => watchers.delete(folder));
      watchers.set(folder, watcher);
    }
  };
  const notice = (file: string) => {
    if (!sources.has(file)) return;
    // It may import what it has not imported before.
    look();
    changed(file);
  };
  look();
  return () => {
    for (const watcher of watchers.values()) watcher.close();
  };
}
