import process from "node:process";

// The peers' settings: as their authors ship them, and as fast as their own documentation makes them.

export function verdaccioSettings(folder: string, upstream: string | undefined): string {
  return `
storage: ${folder}/storage
auth: { htpasswd: { file: ${folder}/htpasswd, algorithm: bcrypt, rounds: 4 } }
security: { api: { legacy: false, jwt: { sign: { expiresIn: 1d } } } }
uplinks: ${upstream === undefined ? "{}" : `{ upstream: { url: ${upstream} } }`}
packages: { '**': { access: $all, publish: $authenticated, unpublish: $authenticated${upstream === undefined ? "" : ", proxy: upstream"} } }
max_body_size: 200mb
web: { enable: false }
userRateLimit: { windowMs: 1000, max: 1000000 }
log: { type: stdout, format: json, level: error }
`;
}

export function nginxSettings(folder: string, files: string, port: number): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `
${process.getuid?.() === 0 ? "user root;" : ""}
daemon off;
worker_processes 1;
pid ${folder}/pid;
error_log stderr error;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  open_file_cache max=1000 inactive=60s;
  ${temporary.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(" ")}
  server {
    listen 127.0.0.1:${port};
    root ${files};
    default_type application/octet-stream;
    location ~ \\.gz$ { default_type application/json; add_header content-encoding gzip; }
  }
}
`;
}
