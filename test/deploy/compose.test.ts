/**
 * docker-compose.yml, checked without an engine: that Compose would accept it, and that what it names exists.
 * `compose-spec.json` is `schema/compose-spec.json` of the repository compose-spec/compose-go, commit faa67b213c47:
 * "The Compose Specification, Copyright 2020 The Compose Specification Authors", Apache-2.0.
 */
import { existsSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { NODE_FLAGS } from '../../dev/node-flags.ts';
import { BINARY_PINS } from '../../dev/servers/binary-pins.ts';
import { ENVIRONMENT_VARIABLES, readConfig } from '../../runtime/config.ts';
import { ROOT, composeFile, composeServices, composeVariables, type Service } from './compose-file.ts';
import { imageEnvironment } from './dockerfile.ts';

const OURS = ['api', 'worker', 'projector'];
const compose = composeServices();
const services = Object.entries(compose.services);

const service = (name: string, file = compose): Service => {
  const found = file.services[name];
  if (!found) throw new Error(`There is no service "${name}"`);
  return found;
};

/** All variables of a process: the image's, then the service's. */
const environment = (name: string, file = compose) => ({
  ...imageEnvironment(),
  ...service(name, file).environment,
});

/** `[address:]published:target` */
const ports = (each: Service) =>
  each.ports.map((mapping) => {
    const [target = '', published = '', address = ''] = mapping.split(':').toReversed();
    return { address, published: Number(published), target: Number(target) };
  });

/** `source:target[:mode]`; a source that begins with a dot is a file, any other a volume. */
const mounts = (each: Service) =>
  each.volumes.map((mount) => {
    const [source = '', target = '', mode = 'rw'] = mount.split(':');
    return { source, target, mode, file: source.startsWith('.') };
  });

/** A job, which ends when its work is done. */
const isJob = (each: Service) => each.restart.startsWith('on-failure');

const isChecked = (each: Service) => (each.healthcheck?.test.length ?? 0) > 0;

const sorted = (names: readonly string[]) => names.toSorted((a, b) => a.localeCompare(b));

describe('the file', () => {
  const schema = z
    .looseObject({})
    .parse(JSON.parse(readFileSync(`${ROOT}test/deploy/compose-spec.json`, 'utf8')));
  // The schema leaves out some `type`s that Ajv's strict mode asks for.
  const validate = new Ajv2020({ allErrors: true, strictTypes: false }).compile(schema);

  test('is one that the published Compose schema allows', () => {
    validate(composeFile());
    expect(validate.errors ?? []).toEqual([]);
  });

  test.each([
    ['an unknown key', { image: 'nats', port: ['1:1'] }],
    ['a condition that does not exist', { image: 'nats', depends_on: { api: { condition: 'ready' } } }],
    ['a command that is no command', { image: 'nats', command: { node: 'x' } }],
  ])('would not be allowed with %s', (_, wrong) => {
    expect(validate({ services: { wrong } })).toBe(false);
  });
});

describe('the environment of our three processes', () => {
  test.each(OURS)('%s: every variable is one that the configuration knows', (name) => {
    const { NODE_ENV, NODE_OPTIONS, ...variables } = environment(name);
    expect([NODE_ENV, NODE_OPTIONS]).toEqual(['production', NODE_FLAGS.join(' ')]);
    expect(Object.keys(variables).filter((variable) => !ENVIRONMENT_VARIABLES.includes(variable))).toEqual(
      [],
    );
  });

  test.each(OURS)(
    '%s: the configuration accepts it; all servers are outside, and it listens for others',
    (name) => {
      const config = readConfig(environment(name));
      expect(config.outside).toEqual({ nats: true, temporal: true, database: true });
      expect(config.host).toBe('0.0.0.0');
    },
  );

  test('the three agree on everything: one ledger, one namespace, one read model', () => {
    const [first, ...others] = OURS.map((name) => readConfig(environment(name)));
    expect(others).toEqual([first, first]);
  });

  test('the servers it names are services, on the ports they listen on', () => {
    const { natsUrl, temporalAddress, databaseUrl } = readConfig(environment('worker'));
    const named = [natsUrl, `temporal://${temporalAddress}`, databaseUrl].map((url) => new URL(url));
    expect(named.map(({ hostname }) => hostname)).toEqual(['nats', 'temporal', 'read-model']);
    const listening = named.flatMap(({ hostname }) => ports(service(hostname)));
    expect(named.map(({ port }) => Number(port))).toEqual(listening.map(({ target }) => target));
  });

  test('a password that is changed is changed at both ends', () => {
    const changed = composeServices({ NATS_PASSWORD: '0123', READ_MODEL_PASSWORD: 'other' });
    const { natsUrl, databaseUrl } = readConfig(environment('api', changed));
    expect(new URL(natsUrl)).toMatchObject({ username: 'tallybook', password: '0123' });
    // In nats.conf the unquoted text 0123 would be a number, which is no password.
    expect(service('nats', changed).environment).toEqual({ NATS_PASSWORD: '"0123"' });
    const { username, password, pathname } = new URL(databaseUrl);
    expect(service('read-model', changed).environment).toMatchObject({
      POSTGRES_USER: username,
      POSTGRES_PASSWORD: password,
      POSTGRES_DB: pathname.slice(1),
    });
    expect(password).toBe('other');
  });
});

describe('the variables that change it', () => {
  const names = composeVariables().map(([name]) => name);

  test('are those of the configuration, and the passwords of the two databases', () => {
    const known = [...ENVIRONMENT_VARIABLES, 'READ_MODEL_PASSWORD', 'TEMPORAL_DATABASE_PASSWORD'];
    expect(names.filter((name) => !known.includes(name))).toEqual([]);
  });

  test('have one default each, wherever they are used', () => {
    expect(names).toEqual([...new Set(names)]);
  });

  test('have the defaults of the configuration', () => {
    const configuration = readConfig({});
    expect(Object.fromEntries(composeVariables())).toMatchObject({
      PORT: `${configuration.port}`,
      NATS_PORT: `${configuration.natsPort}`,
      TEMPORAL_PORT: `${configuration.temporalPort}`,
      TEMPORAL_UI_PORT: `${configuration.temporalUiPort}`,
      READ_MODEL_PORT: `${configuration.readModelPort}`,
      NATS_PASSWORD: configuration.natsPassword,
      TEMPORAL_NAMESPACE: configuration.temporalNamespace,
      LEDGER: configuration.ledger,
    });
  });

  test('move each published port, and nothing inside the containers', () => {
    const moved = composeServices({
      PORT: '1',
      NATS_PORT: '2',
      TEMPORAL_PORT: '3',
      TEMPORAL_UI_PORT: '4',
      READ_MODEL_PORT: '5',
    });
    const published = Object.entries(moved.services).flatMap(([name, each]) =>
      ports(each).map((port) => [name, port.published, port.target]),
    );
    expect(published).toEqual([
      ['api', 1, 8080],
      ['nats', 2, 4222],
      ['read-model', 5, 5432],
      ['temporal', 3, 7233],
      ['temporal-ui', 4, 8080],
    ]);
  });
});

describe('the published ports', () => {
  test('are those that `npm start` uses, on this machine only', () => {
    const published = services.flatMap(([name, each]) =>
      ports(each).map((port) => [name, `${port.address}:${port.published}`]),
    );
    expect(Object.fromEntries(published)).toEqual({
      api: '127.0.0.1:8080',
      nats: '127.0.0.1:4222',
      temporal: '127.0.0.1:7233',
      'temporal-ui': '127.0.0.1:8233',
      'read-model': '127.0.0.1:5499',
    });
  });

  test("include the one on which the image's API listens", () => {
    expect(ports(service('api')).map(({ target }) => target)).toEqual([readConfig(environment('api')).port]);
  });
});

describe('what it names exists', () => {
  test.each(OURS)('%s: the command is a file that the build compiles', (name) => {
    expect(service(name).command).toEqual(['node', `dist/${name}/main.js`]);
    expect(existsSync(`${ROOT}${name}/main.ts`)).toBe(true);
  });

  const files = services.flatMap(([, each]) => mounts(each)).filter(({ file }) => file);

  test.each(files)('$source is there, and the container cannot change it', ({ source, mode }) => {
    // Compose makes an empty folder of a source that is not there, and the server fails for another reason.
    expect(readFileSync(`${ROOT}${source}`, 'utf8')).not.toBe('');
    expect(mode).toBe('ro');
  });

  test('every mounted file is one that its container is told to read', () => {
    const unread = services.flatMap(([, each]) => {
      const told = [...each.command, ...Object.values(each.environment)];
      return mounts(each).filter(({ file, target }) => file && !told.includes(target));
    });
    expect(files.length).toBeGreaterThan(0);
    expect(unread).toEqual([]);
  });

  test('every volume is declared, and every declared one belongs to one service', () => {
    const used = services.flatMap(([, each]) => mounts(each)).filter(({ file }) => !file);
    expect(sorted(used.map(({ source }) => source))).toEqual(sorted(Object.keys(compose.volumes)));
  });

  test('what NATS stores is in a volume', () => {
    const { command } = service('nats');
    const folder = command[command.indexOf('--store_dir') + 1];
    expect(mounts(service('nats'))).toContainEqual({
      source: 'nats-data',
      target: folder,
      mode: 'rw',
      file: false,
    });
  });

  test.each([
    // The image keeps its files in the first folder up to Postgres 17, and below the second one from 18 on.
    ['temporal-database', 'postgres:17.', '/var/lib/postgresql/data'],
    ['read-model', 'postgres:18.', '/var/lib/postgresql'],
  ])('what %s stores is in a volume', (name, image, folder) => {
    expect(service(name).image).toContain(image);
    expect(mounts(service(name)).map(({ target }) => target)).toEqual([folder]);
  });

  test("the hosts and passwords in Temporal's settings are those of the services", () => {
    const { SQL_HOST = '', SQL_PORT, SQL_USER, SQL_PASSWORD } = service('temporal-schema').environment;
    expect(service('temporal').environment).toMatchObject({
      POSTGRES_SEEDS: SQL_HOST,
      DB_PORT: SQL_PORT,
      POSTGRES_USER: SQL_USER,
      POSTGRES_PWD: SQL_PASSWORD,
    });
    expect(service(SQL_HOST).environment).toEqual({
      POSTGRES_USER: SQL_USER,
      POSTGRES_PASSWORD: SQL_PASSWORD,
    });
    const { temporalAddress, temporalNamespace } = readConfig(environment('worker'));
    expect(service('temporal-namespace').environment).toEqual({
      TEMPORAL_ADDRESS: temporalAddress,
      TEMPORAL_NAMESPACE: temporalNamespace,
    });
    expect(service('temporal-ui').environment).toMatchObject({ TEMPORAL_ADDRESS: temporalAddress });
  });
});

describe('starting and stopping', () => {
  const waits = services.flatMap(([name, each]) =>
    Object.entries(each.depends_on).map(([needs, { condition }]) => ({ name, needs, condition })),
  );

  test.each(waits)('$name waits for $needs, which can become $condition', ({ needs, condition }) => {
    const other = service(needs);
    expect({
      service_started: true,
      service_healthy: isChecked(other),
      service_completed_successfully: isJob(other),
    }).toMatchObject({ [condition]: true });
  });

  test('whatever is no job starts again when it ends', () => {
    const staysDown = services.filter(([, each]) => !isJob(each) && each.restart !== 'unless-stopped');
    expect(staysDown.map(([name]) => name)).toEqual([]);
  });

  test('every server has a health check', () => {
    const servers = services.filter(([name, each]) => !OURS.includes(name) && !isJob(each));
    expect(servers.length).toBeGreaterThan(0);
    expect(servers.filter(([, each]) => !isChecked(each)).map(([name]) => name)).toEqual([]);
  });

  test('the API keeps the health check of the image; what listens on no port has none', () => {
    expect(OURS.map((name) => service(name).healthcheck?.disable ?? false)).toEqual([false, true, true]);
  });

  test('Compose stops the API, then worker and projector, then the servers', () => {
    const before = (name: string) => sorted(Object.keys(service(name).depends_on));
    const servers = ['nats', 'read-model', 'temporal-namespace'];
    expect(before('api')).toEqual(sorted([...servers, 'worker', 'projector']));
    expect(before('worker')).toEqual(servers);
    expect(before('projector')).toEqual(servers);
    expect(before('temporal-namespace')).toEqual(['temporal']);
  });

  test.each(OURS)('%s has longer to stop than its activities to finish', (name) => {
    const [, seconds] = /^(\d+)s$/.exec(service(name).stop_grace_period) ?? [];
    expect(Number(seconds)).toBeGreaterThan(15);
  });
});

describe('the images', () => {
  const others = services.filter(([name]) => !OURS.includes(name)).map(([, { image }]) => image);

  test.each(others)('%s is pinned by version', (image) => {
    expect(image).toMatch(/^[a-z/-]+:\d+\.\d+(\.\d+)?(-alpine)?$/);
  });

  test("NATS is the version that `npm start` uses, and Temporal's parts are of one version", () => {
    expect(service('nats').image).toBe(`nats:${BINARY_PINS['nats-server'].version}-alpine`);
    const [, version] = service('temporal').image.split(':');
    expect(service('temporal-schema').image).toBe(`temporalio/admin-tools:${version}`);
    expect(service('temporal-namespace').image).toBe(`temporalio/admin-tools:${version}`);
  });

  test.each(OURS)(
    '%s: the image is built here and never pulled, may change nothing and gains no rights',
    (name) => {
      expect(service(name)).toMatchObject({
        image: 'tallybook',
        build: '.',
        pull_policy: 'build',
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      });
      // The user is the image's, which is not root: dockerfile.test.ts.
      const rights = ['user', 'privileged', 'cap_add', 'devices', 'pid', 'network_mode'];
      expect(Object.keys(service(name)).filter((key) => rights.includes(key))).toEqual([]);
    },
  );
});
