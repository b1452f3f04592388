#!/bin/sh
#SBATCH --array=0-1
#SBATCH --cpus-per-task=1
#SBATCH --mem=2G
#SBATCH --requeue
# sbatch array.sh grid /shared/study; afterwards python join.py grid /shared/study
export OMP_NUM_THREADS=1
python part.py "$1" "$2"
