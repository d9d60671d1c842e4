# The same commands as the README, in a container:
#   docker build -t disciplined .
#   docker run --gpus all -v "$PWD/data:/disciplined/data" -v "$PWD/outputs:/disciplined/outputs" \
#       disciplined train.py schedule=onecycle model=resnet56
FROM python:3.12-slim
RUN apt-get update && apt-get install --yes --no-install-recommends gcc g++ git \
    && rm -rf /var/lib/apt/lists/* && pip install --no-cache-dir uv
WORKDIR /disciplined
COPY pyproject.toml requirements.lock README.md LICENSE ./
RUN uv venv /opt/venv && VIRTUAL_ENV=/opt/venv uv pip install --require-hashes -r requirements.lock
ENV VIRTUAL_ENV=/opt/venv PATH=/opt/venv/bin:$PATH
COPY . .
RUN uv pip install --no-deps --editable .
ENTRYPOINT ["python"]
CMD ["train.py", "--help"]
