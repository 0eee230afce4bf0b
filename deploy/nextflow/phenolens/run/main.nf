// A study, from its file to report.html. Paths in the study file start at its own folder: hand in
// what they name as `screen`, so that it is there under the same name.
process PHENOLENS_RUN {
    tag "$meta.id"
    label 'process_high'

    conda "${moduleDir}/environment.yml"
    container "phenolens:0.1.0"

    input:
    tuple val(meta), path(study), path(screen)

    output:
    tuple val(meta), path("${prefix}")                   , emit: results
    tuple val(meta), path("${prefix}/report.html")       , emit: report
    tuple val(meta), path("${prefix}/profiles/*.parquet"), emit: profiles, optional: true
    path "versions.yml"                                  , emit: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    export OMP_NUM_THREADS=1
    phenolens run \\
        ${study} \\
        --out ${prefix} \\
        --jobs ${task.cpus} \\
        --quiet \\
        ${args}

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        phenolens: \$(phenolens --version)
    END_VERSIONS
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    mkdir -p ${prefix}/profiles
    touch ${prefix}/report.html ${prefix}/profiles/stub.parquet

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        phenolens: \$(phenolens --version)
    END_VERSIONS
    """
}
