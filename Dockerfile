# The toolkit in a container: docker build -t vos . && docker run --rm -v "$PWD:/work" vos demo
#
# CPU by default. CUDA: docker build --build-arg TORCH_INDEX_URL= -t vos-cuda . (the usual wheels of
# PyTorch bring CUDA), then docker run --gpus all. EXTRAS adds packages, for instance EXTRAS=[train].
FROM python:3.11-slim

ARG TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu
ARG EXTRAS=

WORKDIR /opt/vos-toolkit
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY ltr ltr
COPY pytracking pytracking
RUN if [ -n "$TORCH_INDEX_URL" ]; then \
        pip install --no-cache-dir -c constraints.txt --index-url "$TORCH_INDEX_URL" \
            torch torchvision; \
    fi \
    && pip install --no-cache-dir -c constraints.txt ".$EXTRAS" \
    && rm -rf /opt/vos-toolkit

WORKDIR /work
ENTRYPOINT ["vos"]
