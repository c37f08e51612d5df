"""ONNX: conversion, passes, precisions, check, runtime."""
