# Both commands of dicer, in one static file, with its licences, on nothing:
# docker build -t dicer .
#
# For several architectures buildx sets the ARGs in capitals, and Go compiles for
# each of them on the builder's own; a plain docker build sets none of them, and
# makes the image of the machine it runs on. `make image` makes the same image
# without a container engine.

ARG GO_IMAGE=golang:1.26
# "linux" is the builder's own architecture, where nobody says which that is.
ARG BUILDPLATFORM=${BUILDPLATFORM:-linux}

FROM --platform=${BUILDPLATFORM} ${GO_IMAGE} AS build
WORKDIR /src
# Apart, so that a change of the source does not download them anew.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=devel
ARG COMMIT=unknown
# A time in any case: the files have it, so that the same commit gives the same
# image.
ARG DATE=1970-01-01T00:00:00Z
ARG TARGETOS
ARG TARGETARCH
RUN CGO_ENABLED=0 GOOS=${TARGETOS:-linux} GOARCH=${TARGETARCH} \
    go build -trimpath -buildvcs=false -ldflags "-s -w \
-X github.com/dicer-dev/dicer/internal/command.version=${VERSION} \
-X github.com/dicer-dev/dicer/internal/command.commit=${COMMIT} \
-X github.com/dicer-dev/dicer/internal/command.date=${DATE}" \
    -o /image/fanout ./cmd/dicer \
 && ln /image/fanout /image/webhook \
 && mkdir -m 755 /image/licenses \
 && cp LICENSE THIRD_PARTY_LICENSES /image/licenses \
 && chmod 644 /image/licenses/* \
 && touch -d "${DATE}" /image/fanout /image/licenses/* /image/licenses

FROM scratch
ARG VERSION=devel
ARG COMMIT=unknown
ARG DATE=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="dicer" \
      org.opencontainers.image.source="https://github.com/dicer-dev/dicer" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}" \
      org.opencontainers.image.created="${DATE}"
# Root's file, which the user below can run but not write. The folder as a
# whole: file by file, the second name would become a second file.
COPY --from=build /image/ /
# A number: there is no /etc/passwd, and Kubernetes' runAsNonRoot cannot tell of
# a name that it is not root's.
USER 65532:65532
# The fan-out controller is started by `command: [/fanout]`.
ENTRYPOINT ["/webhook"]
