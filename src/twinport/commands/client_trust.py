"""Instructions for each client to trust a private authority. `twinport certificates` prints them."""

from pathlib import Path

_ADVICE = """\
{folder}/ca.pem       the authority: give this one to clients
{folder}/ca-key.pem   its key: keep it, and never give it away
{folder}/cert.pem     the server's certificate, until {until}
{folder}/key.pem      its key

twinport serve --tls-cert {folder}/cert.pem --tls-key {folder}/key.pem
    serves https with it. Run 'twinport certificates' again before it ends, then send SIGHUP to the server.

How clients learn to trust it, for a registry at HOST:PORT (as {example}):

docker                    mkdir -p /etc/docker/certs.d/HOST:PORT
                          cp {folder}/ca.pem /etc/docker/certs.d/HOST:PORT/ca.crt
podman, skopeo, buildah   mkdir -p /etc/containers/certs.d/HOST:PORT
                          cp {folder}/ca.pem /etc/containers/certs.d/HOST:PORT/ca.crt
containerd                mkdir -p /etc/containerd/certs.d/HOST:PORT
                          printf '[host."https://HOST:PORT"]\\n  ca = "{folder}/ca.pem"\\n' \\
                              > /etc/containerd/certs.d/HOST:PORT/hosts.toml
                          (its configuration names that folder as config_path; ctr takes --hosts-dir)
AWS command line, boto3   export AWS_CA_BUNDLE={folder}/ca.pem
crane, oras, regctl, Go   export SSL_CERT_FILE={folder}/ca.pem
curl                      curl --cacert {folder}/ca.pem https://HOST:PORT/_twinport/health
Kubernetes                on every node, what is said of containerd; AWS_CA_BUNDLE for twinport-kubelet-credentials
everything on a machine   cp {folder}/ca.pem /usr/local/share/ca-certificates/twinport.crt && update-ca-certificates
"""


def advice(folder: Path, until: str, example: str) -> str:
    """Return the instructions for an authority in `folder`. `until` is the last day of the server's certificate."""
    return _ADVICE.format(folder=folder.resolve(), until=until, example=example)
