import { describe, expect, it } from 'vitest';
import { createApp } from '../../../api/app.ts';
import { untouchable } from '../fixtures/fixtures.ts';

const app = createApp(untouchable().deps);
const page = await (await app.request('/docs')).text();
const links = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');

describe('the docs page', () => {
  it('takes everything from this server', async () => {
    expect(links).toEqual(
      expect.arrayContaining(['docs/swagger-ui.css', 'docs/swagger-ui-bundle.js', 'docs/setup.js']),
    );
    for (const link of links) {
      expect(link).not.toMatch(/^(https?:)?\/\//);
      const response = await app.request(`/${link}`);
      expect({ link, status: response.status }).toEqual({ link, status: 200 });
      expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(100);
    }
    expect(page).not.toMatch(/https?:\/\//);
  });

  it('has a policy that allows no other server and no inline script', async () => {
    const policy = (await app.request('/docs')).headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).not.toMatch(/https?:|\*/);
    expect(page).not.toMatch(/<script(?![^>]*src=)|<style| on[a-z]+=/);
  });

  it('shows the document of this app', async () => {
    const setup = await (await app.request('/docs/setup.js')).text();
    expect(setup).toContain("url: 'openapi.json'");
    expect(setup).not.toMatch(/https?:\/\//);
    expect((await app.request('/openapi.json')).status).toBe(200);
  });

  it.each([
    ['swagger-ui.css', 'text/css; charset=utf-8'],
    ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
    ['setup.js', 'text/javascript; charset=utf-8'],
    ['favicon-32x32.png', 'image/png'],
  ])('serves %s as %s', async (file, type) => {
    expect((await app.request(`/docs/${file}`)).headers.get('content-type')).toBe(type);
  });

  it.each([
    'package.json',
    'index.html',
    'swagger-initializer.js',
    'swagger-ui-bundle.js.map',
    '__proto__',
    'constructor',
    '..%2Fpackage.json',
    '..%2f..%2fpackage.json',
    '%2e%2e%2fhono%2fpackage.json',
    '..%5cpackage.json',
    'swagger-ui.css%00',
    'swagger-ui.css%2F..%2Fpackage.json',
    '/etc/passwd',
    '%2Fetc%2Fpasswd',
    'SETUP.JS',
    '',
  ])('serves nothing else: %s', async (file) => {
    expect((await app.request(`/docs/${file}`)).status).toBe(404);
  });
});
