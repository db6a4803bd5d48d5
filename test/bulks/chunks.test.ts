import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunked } from '../../bulks/chunks.ts';

const line = fc.record({ reference: fc.string({ unit: 'grapheme', maxLength: 60 }) });

describe('chunks', () => {
  test('have all lines in their order, none is empty, and none passes a bound unless it is one line', () => {
    fc.assert(
      fc.property(fc.array(line), fc.integer({ min: 1, max: 8 }), (lines, linesMax) => {
        const bytesMax = 200;
        const chunks = chunked(lines, { linesMax, bytesMax });
        const read = chunks.map(({ json }) => JSON.parse(json) as unknown[]);
        expect(read.flat()).toEqual(JSON.parse(JSON.stringify(lines)));
        expect(chunks.map((chunk) => chunk.lines)).toEqual(read.map(({ length }) => length));
        for (const chunk of chunks) {
          expect(chunk.lines).toBeGreaterThan(0);
          expect(chunk.lines).toBeLessThanOrEqual(linesMax);
          if (chunk.lines > 1) expect(Buffer.byteLength(chunk.json)).toBeLessThanOrEqual(bytesMax + 1);
        }
      }),
    );
  });

  test('of the largest lines there can be are messages that a server takes', () => {
    const metadata = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`key-${n}`, '€'.repeat(500)]));
    const chunks = chunked(Array.from({ length: 20 }, () => ({ metadata })));
    expect(chunks.length).toBeGreaterThan(1);
    for (const { json } of chunks) expect(Buffer.byteLength(json)).toBeLessThanOrEqual(512 * 1024 + 1);
  });

  test('of nothing are none', () => {
    expect(chunked([])).toEqual([]);
  });
});
