import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endFrame } from '../../../api/live/frames.ts';
import { Ring } from '../../../api/live/ring.ts';
import { createTurns } from '../../../api/live/turns.ts';
import { liveMetrics } from '../../../metrics/live-metrics.ts';
import { createMetrics } from '../../../metrics/registry.ts';
import { samplesOf } from '../../support/http/prometheus.ts';
import { SseParser } from '../../support/http/sse.ts';
import { createGrowingLog } from './growing-log.ts';

const all = () => true;

describe('the ring', () => {
  it('never holds more than it may, and has all that it says it has', () => {
    const limits = fc.record({
      events: fc.integer({ min: 1, max: 30 }),
      bytes: fc.integer({ min: 1, max: 20_000 }),
    });
    fc.assert(
      fc.property(limits, fc.integer(), fc.array(fc.integer({ min: 1, max: 20 })), (limit, seed, steps) => {
        const log = createGrowingLog(seed);
        log.grow(40);
        const ring = new Ring(0, limit);
        for (const step of steps) {
          ring.append(log.events.slice(ring.end, ring.end + step));
          const { events, position } = ring.take(ring.floor, all, Number.POSITIVE_INFINITY);
          expect(position).toBe(ring.end);
          expect(events.length).toBeLessThanOrEqual(limit.events);
          const bytes = events.reduce((sum, { frame }) => sum + frame.length, 0);
          expect(bytes).toBeLessThanOrEqual(limit.bytes);
          const published = log.matching({}).filter((event) => ring.covers(event.position - 1));
          const here = published.filter((event) => event.position <= ring.end);
          expect(events.map((event) => event.position)).toEqual(here.map((event) => event.position));
          const middle = ring.middle();
          const before = ring.take(middle, all, Number.POSITIVE_INFINITY).events;
          expect(before.length).toBeLessThanOrEqual(limit.events / 2);
        }
      }),
    );
  });

  it('gives as many bytes as are asked for, and one event at least', () => {
    const log = createGrowingLog();
    log.grow(10);
    const ring = new Ring(0, { events: 100, bytes: 1_000_000 });
    ring.append(log.events);
    const [first, second] = ring.take(0, all, Number.POSITIVE_INFINITY).events;
    expect(ring.take(0, all, 1)).toEqual({ events: [first], position: 1 });
    expect(ring.take(0, all, (first?.frame.length ?? 0) + 1)).toEqual({
      events: [first, second],
      position: 2,
    });
    expect(ring.take(500, all, 1)).toEqual({ events: [], position: 500 });
  });
});

describe('turns', () => {
  it('are given to so many at once, in order, and come free when the work fails', async () => {
    const turns = createTurns(2);
    const begun: number[] = [];
    const finish: (() => void)[] = [];
    const works = [0, 1, 2, 3, 4].map((index) =>
      turns(async () => {
        begun.push(index);
        await new Promise<void>((resolve) => finish.push(resolve));
        if (index % 2 === 0) throw new Error(`work ${index}`);
        return index;
      }).catch((error: unknown) => String(error)),
    );
    for (let done = 0; done < 5; done += 1) {
      await expect.poll(() => begun.length).toBe(Math.min(5, done + 2));
      finish[done]?.();
      await works[done];
    }
    expect(begun).toEqual([0, 1, 2, 3, 4]);
    expect(await Promise.all(works)).toEqual(['Error: work 0', 1, 'Error: work 2', 3, 'Error: work 4']);
  });
});

describe('the last word', () => {
  it('sends those whose streams end together back at different times', () => {
    const retries = Array.from({ length: 100 }, () => {
      const parser = new SseParser();
      parser.push(endFrame('shutdown', 7).toString());
      return parser.retry ?? 0;
    });
    expect(Math.min(...retries)).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...retries)).toBeLessThan(3_000);
    expect(new Set(retries).size).toBeGreaterThan(50);
  });
});

describe('metrics', () => {
  it('show how many clients there are now, and why some were dropped', async () => {
    const metrics = createMetrics();
    const observer = liveMetrics(metrics);
    const samples = async () => samplesOf((await metrics.show()).text);
    expect(await samples()).toMatchObject({
      'tallybook_live_clients_dropped_total{reason="behind"}': 0,
      'tallybook_live_clients_dropped_total{reason="stalled"}': 0,
    });
    let clients = 3;
    observer.began(() => clients);
    observer.dropped('behind');
    clients = 2;
    expect(await samples()).toMatchObject({
      tallybook_live_clients: 2,
      'tallybook_live_clients_dropped_total{reason="behind"}': 1,
    });
  });
});
